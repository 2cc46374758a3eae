module mydocker.example/lessons/06-capabilities

go 1.26.0
