# Writes the reference numbers of bootstraps beside this script:
#
#     Rscript tests/oracles/bootstrap.R
#
# Run with R 4.2.2 and boot 1.3-28.1, on the cases that permutation.R wrote. The tests of omistats
# read the CSV files and need no R.

library(boot)
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
options(scipen = 20)
set.seed(20110304)
exact <- function(x) sprintf("%.17g", x)
save <- function(frame, name) {
  write.csv(frame, file.path(here, name), row.names = FALSE, quote = FALSE, na = "")
}

# Percentile limits of given draws: quantiles of type 6.
limits <- do.call(rbind, lapply(c(2, 7, 40, 199), function(size) {
  draws <- round(rnorm(size), 6)
  do.call(rbind, lapply(c(0.5, 0.9, 0.95, 0.998), function(confidence) {
    tail <- (1 - confidence) / 2
    q <- quantile(draws, c(tail, 1 - tail), type = 6, names = FALSE)
    data.frame(confidence, se = exact(sd(draws)), low = exact(q[1]), high = exact(q[2]),
               draws = paste(draws, collapse = " "))
  }))
}))
save(limits, "bootstrap_limits.csv")

set.seed(20110305)
# Percentages of a question in two groups and their difference, cases drawn within units.
cases <- read.csv(file.path(here, "permutation_cases.csv"))
size <- 20000
percent <- function(d, i) {
  d <- d[i, ]
  a <- 100 * tapply(d$y, factor(d$two, c("a", "b")), mean, na.rm = TRUE)
  c(a, a[1] - a[2])
}
found <- do.call(rbind, lapply(c("q1", "q3", "s2", "s4"), function(q) {
  cases$y <- cases[[q]]
  r <- boot(cases, percent, size, strata = factor(cases$unit))
  ends <- sapply(1:3, function(i) boot.ci(r, type = "perc", index = i)$percent[4:5])
  data.frame(question = q, what = c("a", "b", "difference"), draws = size,
             se = exact(apply(r$t, 2, sd)), low = exact(ends[1, ]), high = exact(ends[2, ]))
}))
save(found, "bootstrap_boot.csv")

# The same with whole units drawn: every one of the 27 ways of three units.
rows <- split(seq_len(nrow(cases)), cases$unit)
ways <- expand.grid(1:3, 1:3, 1:3)
units <- do.call(rbind, lapply(c("q1", "q3", "s2", "s4"), function(q) {
  cases$y <- cases[[q]]
  t <- apply(ways, 1, function(w) percent(cases, unlist(rows[w])))
  data.frame(question = q, what = c("a", "b", "difference"),
             se = exact(apply(t, 1, function(x) sqrt(mean((x - mean(x))^2)))))
}))
save(units, "bootstrap_units.csv")
