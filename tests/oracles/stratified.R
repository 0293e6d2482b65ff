# Writes the reference numbers of comparisons within strata beside this script:
#
#     Rscript tests/oracles/stratified.R
#
# Run with R 4.2.2 and metafor 3.8.1. The tests of omistats read the CSV files and need no R.
# Admissions are those of R's UCBAdmissions; all other counts are drawn here and describe nobody.

suppressPackageStartupMessages(library(metafor))

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
options(scipen = 20)
set.seed(19590401)
exact <- function(x) sprintf("%.17g", x)
text <- function(x) paste(x, collapse = " ")
save <- function(frame, name) {
  write.csv(frame, file.path(here, name), row.names = FALSE, quote = FALSE)
}

# Two groups; R wants two strata of two cases or more. metafor's continuity constants are off: its totals are those of the counts.
two <- function(k1, n1, k2, n2, source) {
  s <- k1 + k2
  N <- n1 + n2
  some <- N > 1
  full <- n1 > 0 & n2 > 0 & s > 0 & s < N
  x <- array(rbind(k1, n1 - k1, k2, n2 - k2), c(2, 2, length(k1)))
  plain <- mantelhaen.test(x[, , some, drop = FALSE], correct = FALSE)
  continuity <- mantelhaen.test(x[, , some, drop = FALSE], correct = TRUE)
  narrow <- mantelhaen.test(x[, , some, drop = FALSE], conf.level = 0.9)
  rma <- function(measure, used) suppressWarnings(rma.mh(
    measure = measure, ai = k1[used], n1i = n1[used], ci = k2[used], n2i = n2[used],
    add = 0, to = "none", drop00 = FALSE, correct = FALSE))
  or <- rma("OR", full)
  rd <- rma("RD", n1 > 0 & n2 > 0)
  several <- sum(full) > 1
  data.frame(
    source, k1 = text(k1), n1 = text(n1), k2 = text(k2), n2 = text(n2),
    statistic = exact(plain$statistic), p_value = exact(plain$p.value),
    corrected = exact(continuity$statistic), corrected_p = exact(continuity$p.value),
    odds_ratio = exact(plain$estimate), odds_ratio_low = exact(plain$conf.int[1]),
    odds_ratio_high = exact(plain$conf.int[2]), odds_ratio_low90 = exact(narrow$conf.int[1]),
    odds_ratio_high90 = exact(narrow$conf.int[2]),
    difference = exact(as.vector(rd$beta)), difference_se = exact(rd$se),
    breslow_day = if (several) exact(or$BD) else "NaN",
    breslow_day_p = if (several) exact(or$BDp) else "NaN",
    tarone = if (several) exact(or$TA) else "NaN", tarone_p = if (several) exact(or$TAp) else "NaN",
    strata = sum(full)
  )
}

u <- UCBAdmissions
rows <- two(u["Admitted", "Male", ], colSums(u[, "Male", ]), u["Admitted", "Female", ],
            colSums(u[, "Female", ]), "UCBAdmissions")
while (nrow(rows) < 120) {
  strata <- sample(c(2, 3, 6, 15, 36), 1)
  size <- sample(c(4, 30, 400), 1)
  n1 <- rpois(strata, size)
  n2 <- rpois(strata, size * sample(c(0.1, 1, 3), 1))
  level <- plogis(rnorm(strata, 0.7))
  effect <- sample(c(0, 0.1, 0.4), 1)
  k1 <- rbinom(strata, n1, level)
  k2 <- rbinom(strata, n2, level * (1 - effect))
  diagonals <- c(sum(k1 * (n2 - k2)), sum(k2 * (n1 - k1)))
  if (all(diagonals > 0) && sum(n1 + n2 > 1) > 1) rows <- rbind(rows, two(k1, n1, k2, n2, "simulated"))
}
save(rows, "stratified_two.csv")

# Several groups: the generalised test against no order. Groups one after the other, each a list
# of strata. R wants every group somewhere, and links between all of them.
several <- NULL
while (NROW(several) < 60) {
  groups <- sample(2:5, 1)
  strata <- sample(c(2, 5, 20), 1)
  n <- matrix(rpois(groups * strata, sample(c(3, 20, 150), 1)), groups)
  level <- plogis(rnorm(strata, 0.5))
  k <- matrix(rbinom(groups * strata, n, rep(level, each = groups)), groups)
  x <- array(0, c(groups, 2, strata))
  x[, 1, ] <- k
  x[, 2, ] <- n - k
  some <- colSums(n) > 1
  found <- tryCatch(mantelhaen.test(x[, , some, drop = FALSE], correct = FALSE),
                    error = function(e) NULL)
  if (is.null(found) || is.nan(found$statistic)) next
  lines <- function(m) paste(apply(m, 1, text), collapse = "|")
  several <- rbind(several, data.frame(
    source = "simulated", k = lines(k), n = lines(n), statistic = exact(found$statistic),
    df = exact(found$parameter), p_value = exact(found$p.value)))
}
save(several, "stratified_several.csv")
