module mydocker.example/solutions/07-network

go 1.26.0
