module mydocker.example/solutions/01-prototype

go 1.25.0
