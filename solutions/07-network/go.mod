module mydocker.example/solutions/07-network

go 1.25.0
