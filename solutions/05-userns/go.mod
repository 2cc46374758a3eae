module mydocker.example/solutions/05-userns

go 1.26.0
