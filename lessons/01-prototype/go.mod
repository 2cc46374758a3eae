module mydocker.example/lessons/01-prototype

go 1.26.0
