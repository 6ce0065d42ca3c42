module containerservice

go 1.22
