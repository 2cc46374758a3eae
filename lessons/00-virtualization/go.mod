module mydocker.example/lessons/00-virtualization

go 1.25.0
