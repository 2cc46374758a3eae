module mydocker.example/vm

go 1.25.0
