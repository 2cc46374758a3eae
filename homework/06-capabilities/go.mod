module mydocker.example/homework/06-capabilities

go 1.26.0
