module mydocker.example/solutions/04-cgroups

go 1.26.0
