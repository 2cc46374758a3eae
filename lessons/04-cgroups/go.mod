module mydocker.example/lessons/04-cgroups

go 1.26.0
