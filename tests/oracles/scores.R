# Writes reference numbers of scores beside this script, computed by R's survey package:
#
#     python -m tests.scoring.programme          the made-up cases and what feeds what
#     Rscript tests/oracles/scores.R            their scores, without and with caseloads
#     python -m tests.scoring.export FOLDER      the shipped cases as CSV
#     Rscript tests/oracles/scores.R FOLDER     their scores
#
# Run with R 4.2.2 and survey 4.1.1. The tests of omistats read the CSV files and need no R. All
# cases are synthetic.

suppressPackageStartupMessages(library(survey))

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
folder <- commandArgs(TRUE)
options(scipen = 20)
exact <- function(x) ifelse(is.na(as.vector(x)), "", sprintf("%.15g", as.vector(x)))
save <- function(frame, name) {
  write.csv(frame, file.path(here, name), row.names = FALSE, quote = FALSE, na = "")
}

# Cases in the caseload of each unit; without any, caseloads are far larger than samples.
population <- c()

text <- function(file) {
  read.csv(file, na.strings = "", colClasses = "character", check.names = FALSE)
}

# Labels of the groups that a breakdown compares; NA is in none of them.
complement <- function(x, high, known) {
  rest <- if (known) ifelse(is.na(x), NA, "rest") else "rest"
  ifelse(!is.na(x) & x == high, high, rest)
}

numerators <- function(rule, cases, questions) {
  k <- as.matrix(as.data.frame(lapply(cases[questions], as.numeric)))
  n <- 1 * !is.na(k)
  k[is.na(k)] <- 0
  if (rule == "questions") return(list(k = k, n = n, pooled = cbind(rowSums(k), rowSums(n))))
  K <- rowSums(k)
  N <- rowSums(n)
  pooled <- cbind(K, N)
  if (rule == "cases") {
    K <- ifelse(N > 0, K / pmax(N, 1), 0)
    N <- 1 * (N > 0)
  }
  list(k = cbind(K), n = cbind(N), pooled = pooled)
}

# Cases are clusters and units strata, drawn from caseloads where these are given.
drawn <- function(data) {
  if (length(population)) data$caseload <- unname(population[data$stratum])
  corrected <- if (length(population)) ~caseload
  svydesign(
    ~case_id, strata = ~stratum, fpc = corrected, data = data, weights = rep(1, nrow(data))
  )
}

# The mean over questions of ratios, for each of some groups, with its covariance matrix: of one
# question (the pooled rule, the mean of cases) svyratio by svyby; of more the delta method.
estimate <- function(cases, unit, groups, parts) {
  inside <- unit == "all" | cases$unit == unit
  data <- data.frame(case_id = cases$case_id, stratum = cases$unit)
  if (ncol(parts$k) == 1) {
    data$k <- parts$k[, 1]
    data$n <- parts$n[, 1]
    data$group <- groups
    full <- drawn(data)
    with_answers <- unique(groups[inside & !is.na(groups) & data$n > 0])
    part <- subset(full, inside & groups %in% with_answers)
    by <- svyby(~k, ~group, part, svyratio, denominator = ~n, covmat = TRUE)
    names <- as.character(by$group)
    value <- as.vector(coef(by))
    # svyby has no matrix to give where there is a single group.
    v <- if (length(names) == 1) SE(svyratio(~k, ~n, part))^2 else vcov(by)
    return(list(names = names, value = value, v = as.matrix(v)))
  }
  names <- sort(unique(groups[inside & !is.na(groups) & rowSums(parts$n) > 0]))
  means <- character()
  for (g in seq_along(names)) {
    here <- inside & groups %in% names[g]
    terms <- character()
    for (q in seq_len(ncol(parts$k))) {
      if (sum(parts$n[here, q]) == 0) next
      K <- paste0("k", g, "_", q)
      N <- paste0("n", g, "_", q)
      data[[K]] <- here * parts$k[, q]
      data[[N]] <- here * parts$n[, q]
      terms <- c(terms, paste0(K, "/", N))
    }
    means <- c(means, paste0("(", paste(terms, collapse = "+"), ")/", length(terms)))
  }
  full <- drawn(data)
  sums <- svytotal(reformulate(setdiff(names(data), c("case_id", "stratum"))), full)
  found <- svycontrast(sums, setNames(lapply(means, str2lang), names))
  list(names = names, value = as.vector(coef(found)), v = as.matrix(vcov(found)))
}

estimates_of <- function(about, cases, unit, groups, parts) {
  found <- estimate(cases, unit, groups, parts)
  inside <- unit == "all" | cases$unit == unit
  df <- sum(inside) - length(unique(cases$unit[inside]))
  z <- qnorm(0.975)
  q <- if (df > 0) qt(0.975, df) else NA
  out <- NULL
  for (i in seq_along(found$names)) {
    here <- inside & groups %in% found$names[i]
    p <- found$value[i]
    se <- sqrt(found$v[i, i])
    logit <- function(q) plogis(qlogis(p) + c(-1, 1) * q * se / (p * (1 - p)))
    ends <- if (p > 1e-9 && p < 1 - 1e-9) c(logit(z), logit(q)) else rep(NA, 4)
    out <- rbind(out, data.frame(
      about, group = found$names[i], k = sum(parts$pooled[here, 1]), n = sum(parts$pooled[here, 2]),
      percent = exact(100 * p), se = exact(100 * se), low = exact(100 * (p - z * se)),
      high = exact(100 * (p + z * se)), t_low = exact(100 * (p - q * se)),
      t_high = exact(100 * (p + q * se)), logit_low = exact(100 * ends[1]),
      logit_high = exact(100 * ends[2]), logit_t_low = exact(100 * ends[3]),
      logit_t_high = exact(100 * ends[4])
    ))
  }
  out
}

# Wald's test that all groups have one score; its statistic does not depend on the first group.
test_of <- function(about, cases, unit, groups, order, parts) {
  found <- estimate(cases, unit, groups, parts)
  if (length(found$names) < 2) return(NULL)
  at <- match(order[order %in% found$names], found$names)
  p <- found$value[at]
  v <- found$v[at, at]
  C <- cbind(-1, diag(length(p) - 1))
  d <- C %*% p
  S <- C %*% v %*% t(C)
  if (any(diag(S) < 1e-20)) return(NULL)
  W <- drop(t(d) %*% solve(S, d))
  r <- length(p) - 1
  inside <- unit == "all" | cases$unit == unit
  df <- sum(inside) - length(unique(cases$unit[inside]))
  two <- length(order) == 2
  of_two <- function(x) if (two) exact(100 * x) else ""
  se <- sqrt(S[1, 1])
  data.frame(
    about, df = r, design_df = df, statistic = exact(W),
    p = exact(pchisq(W, r, lower.tail = FALSE)),
    f = exact(W / r), f_p = exact(pf(W / r, r, df, lower.tail = FALSE)),
    difference = of_two(-d[1]), low = of_two(-d[1] - qnorm(0.975) * se),
    high = of_two(-d[1] + qnorm(0.975) * se), t_low = of_two(-d[1] - qt(0.975, df) * se),
    t_high = of_two(-d[1] + qt(0.975, df) * se)
  )
}

run <- function(rule, lonely, cases, feeds, units, breakdowns, wanted) {
  options(survey.lonely.psu = if (lonely == "error") "fail" else lonely)
  estimates <- tests <- NULL
  for (item in unique(feeds$item)) {
    parts <- numerators(rule, cases, feeds$question[feeds$item == item])
    for (unit in units) {
      inside <- unit == "all" | cases$unit == unit
      about <- function(breakdown) data.frame(rule, lonely, unit, breakdown, item)
      if (sum(parts$n[inside, ]) == 0) next
      estimates <- rbind(estimates, estimates_of(
        about(""), cases, unit, rep("everyone", nrow(cases)), parts
      ))
      for (b in if (unit %in% wanted) names(breakdowns)) {
        groups <- breakdowns[[b]]$groups
        if (sum(parts$n[inside & !is.na(groups), ]) == 0) next
        estimates <- rbind(estimates, estimates_of(about(b), cases, unit, groups, parts))
        tests <- rbind(
          tests, test_of(about(b), cases, unit, groups, breakdowns[[b]]$order, parts)
        )
      }
    }
  }
  list(estimates = estimates, tests = tests)
}

both <- function(name, ...) {
  runs <- list(...)
  save(do.call(rbind, lapply(runs, `[[`, "estimates")), paste0(name, "_estimates.csv"))
  save(do.call(rbind, lapply(runs, `[[`, "tests")), paste0(name, "_tests.csv"))
}

if (length(folder)) {
  cases <- text(file.path(folder, "cases.csv"))
  feeds <- text(file.path(folder, "feeds.csv"))
  splits <- text(file.path(folder, "breakdowns.csv"))
  breakdowns <- list()
  for (key in unique(splits$breakdown)) {
    own <- splits[splits$breakdown == key, ]
    labels <- cases[[own$column[1]]]
    breakdowns[[key]] <- if (own$contrast[1] == "complement") {
      list(groups = complement(labels, own$group[1], FALSE), order = c(own$group[1], "rest"))
    } else {
      list(groups = ifelse(labels %in% own$group, labels, NA), order = own$group)
    }
  }
  units <- c(sort(unique(cases$unit)), "all")
  both("scores_shipped", run("pooled", "error", cases, feeds, units, breakdowns, c("U01", "all")))
} else {
  cases <- text(file.path(here, "scores_cases.csv"))
  feeds <- text(file.path(here, "scores_feeds.csv"))
  of <- function(cases) list(
    gender = list(groups = cases$gender, order = c("f", "m")),
    plan = list(groups = cases$plan, order = c("early", "late", "never")),
    harm = list(groups = complement(cases$harm, "high", FALSE), order = c("high", "rest")),
    harm_known = list(groups = complement(cases$harm, "high", TRUE), order = c("high", "rest"))
  )
  # One case left in the smallest unit.
  alone <- cases[cases$unit != "isle" | cases$case_id == "s026", ]
  units <- c(unique(cases$unit), "all")
  some <- c("north", "all")
  both(
    "scores",
    run("pooled", "error", cases, feeds, units, of(cases), units),
    run("questions", "error", cases, feeds, c("isle", some), of(cases), some),
    run("cases", "error", cases, feeds, c("isle", some), of(cases), some),
    run("pooled", "remove", alone, feeds, "all", of(alone), "all"),
    run("pooled", "adjust", alone, feeds, "all", of(alone), "all"),
    run("questions", "adjust", alone, feeds, "all", of(alone), "all"),
    run("cases", "remove", alone, feeds, "all", of(alone), "all")
  )
  # One caseload was drawn whole, and one all but one case.
  population <- c(north = 60, south = 28, east = 110, west = 45, coast = 1000, isle = 3)
  both(
    "scores_population",
    run("pooled", "error", cases, feeds, units, of(cases), units),
    run("questions", "error", cases, feeds, some, of(cases), some),
    run("cases", "error", cases, feeds, some, of(cases), some)
  )
}
