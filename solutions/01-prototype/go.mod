module mydocker.example/solutions/01-prototype

go 1.26.0
