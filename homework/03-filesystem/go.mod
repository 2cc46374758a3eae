module mydocker.example/homework/03-filesystem

go 1.26.0
