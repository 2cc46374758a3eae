module mydocker.example/solutions/06-capabilities

go 1.26.0
