module mydocker.example/lessons/00-virtualization

go 1.26.0
