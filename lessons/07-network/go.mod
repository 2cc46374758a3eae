module mydocker.example/lessons/07-network

go 1.26.0
