module mydocker.example/solutions/03-filesystem

go 1.26.0
