module mydocker.example/lessons/05-userns

go 1.26.0
