module mydocker.example/homework/07-network

go 1.25.0
