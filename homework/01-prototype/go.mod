module mydocker.example/homework/01-prototype

go 1.26.0
