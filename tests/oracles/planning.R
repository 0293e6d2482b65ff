# Writes the reference numbers of power, sizes, expected counts and equivalence beside this script:
#
#     Rscript tests/oracles/planning.R
#
# Run with R 4.2.2, package stats, and epiR 2.0.57 for sample sizes. The tests of omistats read
# the CSV files and need no R.

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
options(scipen = 20)
set.seed(20110304)
exact <- function(x) sprintf("%.17g", x)
save <- function(frame, name) {
  write.csv(frame, file.path(here, name), row.names = FALSE, quote = FALSE)
}

# Power of two groups of one size; strict counts both tails.
power <- expand.grid(n = c(5, 20, 209, 851, 4000), p1 = c(0.05, 0.5, 0.82),
                     p2 = c(0.01, 0.45, 0.8, 0.99), level = c(0.05, 0.001))
power$power <- exact(apply(power, 1, function(r)
  power.prop.test(r["n"], r["p1"], r["p2"], sig.level = r["level"], strict = TRUE)$power))
save(power, "power_prop_test.csv")

# The nearest higher proportion and the smallest size for a power, by power.prop.test's root.
solved <- expand.grid(p1 = c(0.05, 0.5, 0.65), n = c(50, 209, 851), power = c(0.5, 0.8, 0.95),
                      level = c(0.05, 0.01))
higher <- function(p1, n, power, level)
  power.prop.test(n, p1, NULL, sig.level = level, power = power, strict = TRUE, tol = 1e-14)$p2
size <- function(p1, power, level)
  power.prop.test(NULL, p1, p1 + 0.08, sig.level = level, power = power, strict = TRUE,
                  tol = 1e-12)$n
solved$p2 <- with(solved, exact(mapply(higher, p1, n, power, level)))
solved$needed <- with(solved, exact(mapply(size, p1, power, level)))
save(solved, "power_prop_test_solved.csv")

# Exact power: every table weighed by dbinom, rejected by the test's own function.
tables <- function(p1, p2, n1, n2, level, test) {
  total <- 0
  for (k1 in 0:n1) for (k2 in 0:n2) {
    if (k1 + k2 == 0 || k1 + k2 == n1 + n2) next
    if (test(matrix(c(k1, n1 - k1, k2, n2 - k2), 2)) < level)
      total <- total + dbinom(k1, n1, p1) * dbinom(k2, n2, p2)
  }
  total
}
tests <- list(
  pearson = function(x) suppressWarnings(chisq.test(x, correct = FALSE)$p.value),
  yates = function(x) suppressWarnings(chisq.test(x, correct = TRUE)$p.value),
  fisher = function(x) fisher.test(x)$p.value)
enumerated <- expand.grid(size = 1:3, p1 = c(0.3, 0.75), p2 = c(0.1, 0.3, 0.9),
                          level = c(0.05, 0.01), test = names(tests), stringsAsFactors = FALSE)
enumerated$n1 <- c(8, 20, 13)[enumerated$size]
enumerated$n2 <- c(12, 20, 27)[enumerated$size]
enumerated$power <- exact(sapply(seq_len(nrow(enumerated)), function(i) with(enumerated[i, ],
  tables(p1, p2, n1, n2, level, tests[[test]]))))
save(enumerated[c("n1", "n2", "p1", "p2", "level", "test", "power")], "power_enumerated.csv")

# Sizes for a wanted precision, of a population as well.
suppressMessages(library(epiR))
precision <- expand.grid(half_width = c(0.01, 0.03, 0.05, 0.1), p = c(0.05, 0.5, 0.65),
                         confidence = c(0.9, 0.95, 0.99), population = c(NA, 200, 2213))
precision$n <- apply(precision, 1, function(r)
  epi.sssimpleestb(N = r["population"], Py = r["p"], epsilon = r["half_width"],
                   error = "absolute", se = 1, sp = 1, conf.level = r["confidence"]))
save(precision, "sample_precision.csv")

# Expected counts of tables of several groups.
expected <- do.call(rbind, lapply(1:60, function(i) {
  groups <- sample(2:7, 1)
  n <- sample(1:60, groups, TRUE)
  k <- rbinom(groups, n, runif(1, 0.02, 0.98))
  if (sum(k) == 0 || sum(k) == sum(n)) return(NULL)
  table <- suppressWarnings(chisq.test(cbind(k, n - k), correct = FALSE))
  data.frame(k = paste(k, collapse = " "), n = paste(n, collapse = " "),
             expected = exact(min(table$expected)))
}))
save(expected, "chisq_test_expected.csv")

# Equivalence: the constrained proportions as the root of the derivative of the likelihood, by
# uniroot; the variance with N / (N - 1); one-sided p-values from pnorm, as logarithms.
fitted_lower <- function(k1, n1, k2, n2, delta) {
  slope <- function(p2) {
    p1 <- p2 + delta
    k1 / p1 - (n1 - k1) / (1 - p1) + k2 / p2 - (n2 - k2) / (1 - p2)
  }
  ends <- c(max(0, -delta), min(1, 1 - delta)) + c(1e-15, -1e-15)
  if (slope(ends[1]) <= 0) return(ends[1])
  if (slope(ends[2]) >= 0) return(ends[2])
  uniroot(slope, ends, tol = 1e-16, maxiter = 10000)$root
}
score <- function(k1, n1, k2, n2, delta) {
  p2 <- fitted_lower(k1, n1, k2, n2, delta)
  p1 <- p2 + delta
  total <- n1 + n2
  variance <- (p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2) * total / (total - 1)
  (k1 / n1 - k2 / n2 - delta) / sqrt(variance)
}
n1 <- c(80, 20, 209, 10, 10, 2000, 50000, sample(5:1500, 40, TRUE))
n2 <- c(80, 20, 851, 20, 10, 2213, 60000, sample(5:1500, 40, TRUE))
k1 <- c(56, 13, 182, 0, 10, 1300, 30000, rbinom(40, n1[-(1:7)], rep(c(0.5, 0.7, 0.95, 0.1), 10)))
k2 <- c(48, 12, 581, 0, 10, 1400, 36000, rbinom(40, n2[-(1:7)], rep(c(0.5, 0.75, 0.95, 0.1), 10)))
tost <- data.frame(k1, n1, k2, n2)[rep(seq_along(n1), 3), ]
tost$margin <- rep(c(0.05, 0.1, 0.3), each = length(n1))
tost$log_lower <- exact(mapply(function(k1, n1, k2, n2, margin)
  pnorm(score(k1, n1, k2, n2, -margin), lower.tail = FALSE, log.p = TRUE),
  tost$k1, tost$n1, tost$k2, tost$n2, tost$margin))
tost$log_upper <- exact(mapply(function(k1, n1, k2, n2, margin)
  pnorm(score(k1, n1, k2, n2, margin), log.p = TRUE),
  tost$k1, tost$n1, tost$k2, tost$n2, tost$margin))
save(tost, "tost_miettinen_nurminen.csv")
