module mydocker.example/homework/05-userns

go 1.26.0
