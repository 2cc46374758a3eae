module mydocker.example/solutions/03-filesystem

go 1.25.0
