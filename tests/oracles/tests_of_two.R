# Writes the reference numbers of further tests of proportions beside this script:
#
#     Rscript tests/oracles/tests_of_two.R
#
# Run with R 4.2.2; packages stats, vcd 1.4.11 (assocstats) and coin 1.4.2 (midpvalue). The tests
# of omistats read the CSV files and need no R.

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
suppressPackageStartupMessages({library(vcd); library(coin)})
options(scipen = 20)
set.seed(20110302)
exact <- function(x) sprintf("%.17g", x)
save <- function(frame, name) {
  write.csv(frame, file.path(here, name), row.names = FALSE, quote = FALSE)
}

# Two groups of any size; none has a margin of zero.
n1 <- c(4, 209, 20, 1, 10, 7, 4000, 2213, 50, sample(1:60, 60, TRUE), sample(60:1500, 60, TRUE))
n2 <- c(4, 851, 30, 5, 10, 7, 4000, 2213, 60, sample(1:60, 60, TRUE), sample(60:1500, 60, TRUE))
p <- runif(length(n1))
k1 <- rbinom(length(n1), n1, p)
k2 <- rbinom(length(n2), n2, pmin(pmax(p + runif(length(n1), -0.3, 0.3), 0), 1))
k1[1:9] <- c(3, 182, 14, 1, 10, 6, 2100, 1300, 5)
k2[1:9] <- c(1, 581, 9, 0, 1, 2, 1900, 1250, 0)
ok <- k1 + k2 > 0 & k1 + k2 < n1 + n2
two <- data.frame(k1, n1, k2, n2)[ok, ]
table_of <- function(r) matrix(c(r$k1, r$k2, r$n1 - r$k1, r$n2 - r$k2), 2)
each <- function(f) sapply(seq_len(nrow(two)), function(i) suppressWarnings(f(table_of(two[i, ]))))
two$yates <- exact(each(function(m) chisq.test(m, correct = TRUE)$statistic))
two$yates_p <- exact(each(function(m) chisq.test(m, correct = TRUE)$p.value))
# The p-values of assocstats are 1 - pchisq(...), which has no small ones.
g <- each(function(m) assocstats(m)$chisq_tests["Likelihood Ratio", "X^2"])
two$g <- exact(g)
two$g_p <- exact(pchisq(g, 1, lower.tail = FALSE))
two$fisher_p <- exact(each(function(m) fisher.test(m)$p.value))
# The generalised Mantel-Haenszel test of coin has N - 1 in the variance.
two$n_minus_one <- exact(each(function(m) statistic(cmh_test(as.table(m)))))
save(two, "tests_two.csv")

# Mid-P with two groups of one size, where every ordering of the tables is the same: coin's is by
# chi-square.
equal <- data.frame(n = rep(c(4, 5, 8, 13, 20), each = 8))
equal$k1 <- rbinom(40, equal$n, runif(40))
equal$k2 <- rbinom(40, equal$n, runif(40))
equal[1, ] <- c(4, 3, 1)
equal <- equal[with(equal, k1 + k2 > 0 & k1 + k2 < 2 * n), ]
equal$mid_p <- exact(sapply(seq_len(nrow(equal)), function(i) with(equal[i, ], as.numeric(midpvalue(
  chisq_test(as.table(matrix(c(k1, k2, n - k1, n - k2), 2)), distribution = "exact"))))))
save(equal, "mid_p_equal.csv")

# Trends over three to seven groups, with equally spaced scores and with others.
trends <- do.call(rbind, lapply(1:40, function(i) {
  groups <- sample(3:7, 1)
  n <- sample(1:400, groups, TRUE)
  k <- rbinom(groups, n, runif(1, 0.2, 0.7) + seq(-0.1, 0.1, length.out = groups))
  if (sum(k) == 0 || sum(k) == sum(n)) return(NULL)
  scores <- if (i %% 2) seq_len(groups) else sort(round(runif(groups, -3, 60), 1))
  r <- suppressWarnings(prop.trend.test(k, n, scores))
  slope <- coef(lm(k / n ~ scores, weights = n))[2]
  data.frame(k = paste(k, collapse = " "), n = paste(n, collapse = " "),
             scores = paste(scores, collapse = " "), slope = exact(slope),
             statistic = exact(r$statistic), p_value = exact(r$p.value))
}))
save(trends, "prop_trend_test.csv")

# The likelihood ratio of several groups.
several <- do.call(rbind, lapply(1:40, function(i) {
  groups <- sample(3:7, 1)
  n <- sample(1:400, groups, TRUE)
  k <- rbinom(groups, n, pmin(runif(1, 0, 1) + runif(groups, 0, 0.2), 1))
  if (sum(k) == 0 || sum(k) == sum(n)) return(NULL)
  r <- assocstats(cbind(k, n - k))$chisq_tests["Likelihood Ratio", ]
  data.frame(k = paste(k, collapse = " "), n = paste(n, collapse = " "),
             statistic = exact(r["X^2"]), df = unname(r["df"]),
             p_value = exact(pchisq(r["X^2"], r["df"], lower.tail = FALSE)))
}))
save(several, "g_several.csv")
