module mydocker.example/solutions/99-madeup

go 1.25.0
