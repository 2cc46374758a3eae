module mydocker.example/homework/07-network

go 1.26.0
