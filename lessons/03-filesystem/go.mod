module mydocker.example/lessons/03-filesystem

go 1.26.0
