module weighlock.test/slsa-verifier

go 1.26

require github.com/slsa-framework/slsa-verifier/v2 v2.7.1
