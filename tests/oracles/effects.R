# Writes the reference intervals of one proportion, and of a difference, a ratio and an odds ratio
# of two, beside this script:
#
#     Rscript tests/oracles/effects.R
#
# Run with R 4.2.2 and epiR 2.0.57. The tests of omistats read the CSV files and need no R.

suppressMessages(library(epiR))
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
options(scipen = 20)
set.seed(20110302)
exact <- function(x) sprintf("%.17g", x)
save <- function(frame, name) {
  write.csv(frame, file.path(here, name), row.names = FALSE, quote = FALSE)
}
zero <- function(f, low, high) uniroot(f, c(low, high), tol = 1e-16, maxiter = 10000)$root

# One proportion. prop.test corrects for continuity, unless k is exactly n / 2; binom.test is
# Clopper and Pearson's; mid-P is solved from its definition.
mid_p <- function(k, n, confidence) {
  tail <- (1 - confidence) / 2
  above <- function(p) pbinom(k, n, p, lower.tail = FALSE) + dbinom(k, n, p) / 2 - tail
  below <- function(p) pbinom(k - 1, n, p) + dbinom(k, n, p) / 2 - tail
  c(if (k == 0) 0 else zero(above, 0, 1), if (k == n) 1 else zero(below, 0, 1))
}
n <- c(263, 148, 20, 29, 100, 1, 1, 2213, sample(1:1500, 40, TRUE))
k <- c(81, 15, 0, 1, 65, 0, 1, 2213, rbinom(40, n[-(1:8)], rbeta(40, 0.5, 0.5)))
ones <- expand.grid(i = seq_along(n), confidence = c(0.8, 0.95, 0.998))
ones <- data.frame(k = k[ones$i], n = n[ones$i], confidence = ones$confidence)
by <- function(f) t(mapply(function(k, n, confidence) suppressWarnings(f(k, n, confidence)),
                           ones$k, ones$n, ones$confidence))
found <- list(
  "wilson-cc" = by(function(k, n, c) prop.test(k, n, conf.level = c, correct = TRUE)$conf.int),
  "clopper-pearson" = by(function(k, n, c) binom.test(k, n, conf.level = c)$conf.int),
  "mid-p" = by(mid_p))
save(do.call(rbind, lapply(names(found), function(m) cbind(
  method = m, ones, low = exact(found[[m]][, 1]), high = exact(found[[m]][, 2])))),
  "one_proportion.csv")

# Two proportions. The likelihood is maximised under the hypothesis by the root of its slope; that
# optimize() finds nothing likelier is checked. The limits are where the score statistic is z.
loglik <- function(t, p1, p2) {
  term <- function(k, p) ifelse(k == 0, 0, k * log(p))
  term(t$k1, p1) + term(t$n1 - t$k1, 1 - p1) + term(t$k2, p2) + term(t$n2 - t$k2, 1 - p2)
}
slope <- function(t, p1, p2, d1) {
  term <- function(k, p) ifelse(k == 0, 0, k / p)
  d1 * (term(t$k1, p1) - term(t$n1 - t$k1, 1 - p1)) + term(t$k2, p2) - term(t$n2 - t$k2, 1 - p2)
}
# For each measure: p1 from p2, its derivative, the range of p2, and the statistic's two parts.
measures <- list(
  difference = list(
    p1 = function(p2, x) p2 + x, d1 = function(p2, x) 1,
    range = function(x) c(max(0, -x), min(1, 1 - x)),
    z = function(t, p1, p2, x) (t$k1 / t$n1 - t$k2 / t$n2 - x) /
      sqrt(p1 * (1 - p1) / t$n1 + p2 * (1 - p2) / t$n2)),
  risk_ratio = list(
    p1 = function(p2, x) p2 * x, d1 = function(p2, x) x,
    range = function(x) c(0, min(1, 1 / x)),
    z = function(t, p1, p2, x) (t$k1 / t$n1 - x * t$k2 / t$n2) /
      sqrt(p1 * (1 - p1) / t$n1 + x^2 * p2 * (1 - p2) / t$n2)),
  odds_ratio = list(
    p1 = function(p2, x) x * p2 / (1 - p2 + x * p2),
    d1 = function(p2, x) x / (1 - p2 + x * p2)^2,
    range = function(x) c(0, 1),
    z = function(t, p1, p2, x) (t$k1 - t$n1 * p1) *
      sqrt(1 / (t$n1 * p1 * (1 - p1)) + 1 / (t$n2 * p2 * (1 - p2)))))
statistic <- function(t, m, x, corrected) {
  ends <- m$range(x)
  inner <- ends + c(1, -1) * diff(ends) * 1e-14
  f <- function(p2) slope(t, m$p1(p2, x), p2, m$d1(p2, x))
  p2 <- if (f(inner[1]) <= 0) ends[1] else if (f(inner[2]) >= 0) ends[2] else zero(f, inner[1], inner[2])
  best <- optimize(function(p2) loglik(t, m$p1(p2, x), p2), inner, maximum = TRUE, tol = 1e-10)
  here <- loglik(t, m$p1(p2, x), p2)
  if (is.finite(here)) stopifnot(best$objective <= here + 1e-8 * (1 + abs(here)))
  N <- t$n1 + t$n2
  m$z(t, m$p1(p2, x), p2, x) * sqrt(if (corrected) (N - 1) / N else 1)
}
limits <- function(t, name, confidence, corrected) {
  m <- measures[[name]]
  z <- qnorm((1 + confidence) / 2)
  p <- c(t$k1 / t$n1, t$k2 / t$n2)
  if (name == "difference") {
    estimate <- p[1] - p[2]
    at <- function(u) u
    range <- c(-1, 1) + c(1, -1) * 1e-12
  } else {
    estimate <- if (name == "risk_ratio") p[1] / p[2] else p[1] / (1 - p[1]) / (p[2] / (1 - p[2]))
    at <- exp
    range <- c(-15, 15)
  }
  side <- function(target, open, closed) {
    f <- function(u) statistic(t, m, at(u), corrected) - target
    if (open) closed else at(zero(f, range[1], range[2]))
  }
  lowest <- if (name == "difference") -1 else 0
  highest <- if (name == "difference") 1 else Inf
  c(side(z, estimate == lowest, lowest), side(-z, estimate == highest, highest))
}
n1 <- c(70, 10, 7, 56, 10, 10, 10, 10, 851, 20, sample(2:400, 30, TRUE))
n2 <- c(80, 10, 7, 29, 20, 10, 20, 10, 209, 20, sample(2:400, 30, TRUE))
k1 <- c(56, 9, 6, 5, 0, 0, 10, 10, 581, 20, rbinom(30, n1[-(1:10)], rbeta(30, 0.5, 0.5)))
k2 <- c(48, 3, 2, 0, 0, 0, 0, 0, 182, 18, rbinom(30, n2[-(1:10)], rbeta(30, 0.5, 0.5)))
tables <- data.frame(k1, n1, k2, n2)
two <- do.call(rbind, lapply(names(measures), function(name) do.call(rbind, lapply(
  seq_len(nrow(tables)), function(i) {
    t <- tables[i, ]
    # Nothing can be said of a ratio when none succeeded, nor of odds when all did.
    if (name != "difference" && t$k1 + t$k2 == 0) return(NULL)
    if (name == "odds_ratio" && t$k1 + t$k2 == t$n1 + t$n2) return(NULL)
    do.call(rbind, lapply(c(0.8, 0.95, 0.99), function(confidence) {
      do.call(rbind, lapply(c(TRUE, FALSE), function(corrected) {
        ends <- limits(t, name, confidence, corrected)
        data.frame(measure = name, corrected = as.integer(corrected), t, confidence,
                   low = exact(ends[1]), high = exact(ends[2]))
      }))
    }))
  }))))
save(two, "two_proportions_score.csv")

# epiR's own intervals: Wald's of the difference, Katz's, Woolf's, and the score interval of the
# odds ratio without N / (N - 1). (Its score interval of the risk ratio answers something else.)
filled <- with(tables, k1 > 0 & k2 > 0 & k1 < n1 & k2 < n2)
others <- do.call(rbind, lapply(which(filled), function(i) {
  t <- tables[i, ]
  d <- epi.2by2(with(t, c(k1, n1 - k1, k2, n2 - k2)), method = "cohort.count",
                conf.level = 0.95, digits = 4)$massoc.detail
  take <- function(measure, method, part, scale = 1) data.frame(
    measure, method, t, estimate = exact(d[[part]]$est / scale),
    low = exact(d[[part]]$lower / scale), high = exact(d[[part]]$upper / scale))
  rbind(take("difference", "wald", "ARisk.strata.wald", 100),
        take("risk_ratio", "katz", "RR.strata.wald"),
        take("odds_ratio", "woolf", "OR.strata.wald"),
        take("odds_ratio", "uncorrected", "OR.strata.score"))
}))
save(others, "two_proportions_epir.csv")
