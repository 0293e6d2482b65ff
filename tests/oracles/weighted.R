# Writes the reference numbers of findings and scores of weighted and clustered cases:
#
#     Rscript tests/oracles/weighted.R
#
# Run with R 4.2.2 and survey 4.1.1. The tests of omistats read the CSV files and need no R. The
# cases of weighted_cases.csv are simulated here and describe nobody.

suppressPackageStartupMessages(library(survey))

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
options(scipen = 20)
set.seed(20110412)
exact <- function(x) sprintf("%.17g", as.vector(x))
save <- function(frame, name) {
  frame[] <- lapply(frame, function(x) {
    if (is.character(x)) ifelse(grepl("^(NA|NaN|Inf|-Inf)$", x), "", x) else x
  })
  write.csv(frame, file.path(here, name), row.names = FALSE, quote = FALSE, na = "")
}

# Cases of teams; teams were drawn within regions, and a unit may have teams of every region.
rows <- 400
region <- sample(c("coast", "hills", "plain"), rows, replace = TRUE, prob = 3:1)
team <- paste0(region, sample(1:11, rows, replace = TRUE))
unit <- sample(c("north", "south", "east"), rows, replace = TRUE, prob = c(5, 3, 2))
of_team <- rnorm(33, sd = 0.6)[as.integer(factor(team))]
known <- function(x, share) ifelse(runif(rows) < share, x, NA)
supervision <- known(sample(c("community", "suspended", "licence"), rows, TRUE, c(4, 2, 3)), 0.95)
gender <- known(sample(c("f", "m"), rows, TRUE, c(2, 5)), 0.92)
harm <- known(sample(c("high", "not high"), rows, TRUE, c(2, 5)), 0.9)
tier <- known(sample(c("1", "2", "3", "4"), rows, TRUE, c(2, 4, 3, 2)), 0.95)
weight <- round(rgamma(rows, 3, 2), 3) + 0.25
answer <- function(level, applicable) {
  y <- rbinom(rows, 1, plogis(level + of_team - 0.7 * (harm %in% "high") + 0.3 * weight))
  ifelse(runif(rows) < applicable, y, NA)
}
# In the stratum `alone` there is one team.
alone_team <- ifelse(seq_len(rows) > rows - 6, "alone1", team)
alone_region <- ifelse(seq_len(rows) > rows - 6, "alone", region)
cases <- data.frame(
  case_id = sprintf("w%03d", seq_len(rows)), unit, region, team, alone_region, alone_team,
  supervision, gender, harm, tier, weight,
  q0 = answer(0.6, 1), q1 = answer(-0.3, 0.55), q2 = answer(2.3, 0.9), q3 = answer(0.1, 0.7),
  synthetic = "simulated"
)
teams <- tapply(team, region, function(x) length(unique(x)))
cases$teams_there <- as.vector(c(coast = 19, hills = 15, plain = 12)[region])
stopifnot(teams <= c(19, 15, 12))
cases$cases_there <- as.vector(c(coast = 900, hills = 310, plain = 150)[region])
stopifnot(table(region) <= c(900, 310, 150))
save(cases, "weighted_cases.csv")
cases$one <- 1

designs <- data.frame(
  design = c("weights", "units", "strata", "strata of a population", "clusters",
             "clusters of a population", "clusters without weights", "lonely removed",
             "lonely adjusted"),
  cluster = c("", "", "", "", "team", "team", "team", "alone_team", "alone_team"),
  stratum = c("", "unit", "region", "region", "region", "region", "region", "alone_region",
              "alone_region"),
  weight = c(rep("weight", 6), "", "weight", "weight"),
  population = c("", "", "", "cases_there", "", "teams_there", "", "", ""),
  lonely = c(rep("error", 7), "remove", "adjust")
)
save(designs, "weighted_designs.csv")
formula_of <- function(name) if (name == "") NULL else as.formula(paste0("~", name))
design_of <- function(d) {
  svydesign(ids = if (d$cluster == "") ~case_id else formula_of(d$cluster),
            strata = formula_of(d$stratum), fpc = formula_of(d$population),
            weights = if (d$weight == "") ~one else ~weight, data = cases)
}

two_of <- function(x, levels) factor(ifelse(x %in% levels, x, NA), levels)
in_or_out <- function(x, level) factor(ifelse(x %in% level, level, "rest"), c(level, "rest"))
cases$by_supervision <- two_of(cases$supervision, c("community", "licence"))
cases$by_gender <- two_of(cases$gender, c("f", "m"))
cases$by_harm <- in_or_out(cases$harm, "high")
cases$by_harm_known <- in_or_out(cases$harm, "high")
cases$by_harm_known[is.na(cases$harm)] <- NA
cases$by_tier <- factor(cases$tier)
breakdowns <- c("supervision", "gender", "harm", "harm_known", "tier")
questions <- paste0("q", 0:3)

# Limits of one proportion: degrees of freedom are those of the answers it rests on.
share <- function(part, q, label) {
  part <- subset(part, !is.na(eval(as.name(q))))
  y <- part$variables[[q]]
  line <- data.frame(group = label, question = q, k = sum(y), n = length(y))
  if (length(y) == 0) return(NULL)
  m <- svymean(formula_of(q), part)
  df <- degf(part)
  line <- cbind(line, estimate = exact(coef(m)), se = exact(SE(m)), df,
                low = "NaN", high = "NaN", logit_low = "NaN", logit_high = "NaN")
  if (df > 0) {
    line[c("low", "high")] <- exact(confint(m, df = df))
    if (mean(y) > 0 && mean(y) < 1) {
      # What svyciprop(method = "logit") does, which stops at about eight digits, and with one
      # degree of freedom overflows.
      fitted <- svyglm(as.formula(paste0(q, "~1")), part, family = quasibinomial(),
                       control = list(epsilon = 1e-15, maxit = 99))
      ci <- plogis(coef(fitted) + c(-1, 1) * qt(0.975, df) * SE(fitted))
      theirs <- as.vector(confint(svyciprop(formula_of(q), part, method = "logit", df = df)))
      stopifnot(df == 1 || abs(ci - theirs) < 1e-4)
      line[c("logit_low", "logit_high")] <- exact(ci)
    }
  }
  line
}

# Tests and effects, likewise; given all cases R would count those without an answer as well.
tested <- function(part, by, q) {
  part <- subset(part, !is.na(eval(as.name(q))) & !is.na(eval(as.name(by))))
  line <- data.frame(question = q, n = nrow(part))
  for (statistic in c("F", "Chisq", "Wald", "adjWald")) {
    r <- tryCatch(svychisq(as.formula(paste0("~", by, "+", q)), part, statistic = statistic),
                  error = function(e) NULL)
    if (is.null(r)) r <- list(statistic = NaN, parameter = c(NaN, NaN), p.value = NaN)
    line[[statistic]] <- exact(r$statistic)
    line[[paste0(statistic, "_df")]] <- exact(r$parameter[1])
    if (statistic != "Chisq") line[[paste0(statistic, "_df2")]] <- exact(r$parameter[2])
    line[[paste0(statistic, "_p")]] <- exact(r$p.value)
  }
  names <- c("difference", "risk_ratio", "odds_ratio")
  line[c(outer(c("", "_low", "_high"), names, function(end, name) paste0(name, end)))] <- "NaN"
  group <- part$variables[[by]]
  df <- degf(part)
  if (nlevels(group) != 2 || any(table(group) == 0) || df < 1) return(line)
  two <- svyby(formula_of(q), formula_of(by), part, svymean, covmat = TRUE)
  two <- structure(setNames(coef(two), c("a", "b")), var = vcov(two), class = "svystat",
                   statistic = "mean")
  dimnames(attr(two, "var")) <- list(c("a", "b"), c("a", "b"))
  ends <- function(x, back) exact(back(coef(x) + c(0, -1, 1) * qt(0.975, df) * SE(x)))
  line[paste0("difference", c("", "_low", "_high"))] <- ends(svycontrast(two, c(a = 1, b = -1)),
                                                             identity)
  if (all(coef(two) > 0 & coef(two) < 1)) {
    log_risk <- svycontrast(two, quote(log(a / b)))
    log_odds <- svycontrast(two, quote(log(a / (1 - a)) - log(b / (1 - b))))
    line[paste0("risk_ratio", c("", "_low", "_high"))] <- ends(log_risk, exp)
    line[paste0("odds_ratio", c("", "_low", "_high"))] <- ends(log_odds, exp)
    # The logistic regression on the group says the same.
    fitted <- svyglm(as.formula(paste0(q, "~relevel(", by, ", ref = levels(", by, ")[2])")), part,
                     family = quasibinomial(), control = list(epsilon = 1e-14, maxit = 99))
    stopifnot(all.equal(as.vector(coef(fitted)[2]), as.vector(coef(log_odds)), tolerance = 1e-8),
              all.equal(as.vector(SE(fitted)[2]), as.vector(SE(log_odds)), tolerance = 1e-7))
  }
  line
}

shares <- tests <- scores <- score_tests <- NULL
items <- list("1" = c("q0", "q1"), "2" = c("q2", "q3"), both = questions)
for (i in seq_len(nrow(designs))) {
  options(survey.lonely.psu = switch(designs$lonely[i], error = "fail", designs$lonely[i]))
  full <- design_of(designs[i, ])
  for (domain in c("all", "north", "east")) {
    part <- if (domain == "all") full else subset(full, unit == domain)
    where <- data.frame(design = designs$design[i], domain)
    for (q in questions) shares <- rbind(shares, cbind(where, breakdown = "harm",
                                                       share(part, q, "all")))
    for (breakdown in breakdowns) {
      by <- paste0("by_", breakdown)
      group <- part$variables[[by]]
      for (q in questions) {
        for (label in setdiff(levels(group), "rest")) {
          if (breakdown != "harm_known") {
            own <- part[which(group == label), ]
            shares <- rbind(shares, cbind(where, breakdown, share(own, q, label)))
          }
        }
        tests <- rbind(tests, cbind(where, breakdown, tested(part, by, q)))
      }
    }
    for (item in names(items)) {
      asked <- as.matrix(part$variables[items[[item]]])
      with_sums <- update(part, k = rowSums(asked, na.rm = TRUE), n = rowSums(!is.na(asked)))
      r <- svyratio(~k, ~n, with_sums)
      line <- function(breakdown, group, estimate, se) {
        data.frame(where, item, breakdown, group, estimate = exact(estimate), se = exact(se),
                   df = degf(part))
      }
      scores <- rbind(scores, line("", "", coef(r), SE(r)))
      for (breakdown in breakdowns) {
        by <- paste0("by_", breakdown)
        inside <- subset(with_sums, !is.na(eval(as.name(by))))
        r <- svyby(~k, formula_of(by), denominator = ~n, inside, svyratio, covmat = TRUE)
        scores <- rbind(scores, line(breakdown, as.character(r[[by]]), coef(r), SE(r)))
        g <- nrow(r)
        C <- cbind(1, -diag(g - 1))
        d <- C %*% coef(r)
        V <- C %*% vcov(r) %*% t(C)
        w <- as.vector(t(d) %*% solve(V, d))
        df <- degf(part)
        score_tests <- rbind(score_tests, data.frame(
          where, item, breakdown, wald = exact(w), df = g - 1, design_df = df,
          p = exact(pchisq(w, g - 1, lower.tail = FALSE)),
          f_p = exact(pf(w / (g - 1), g - 1, df, lower.tail = FALSE)),
          difference = exact(if (g == 2) d else NaN), se = exact(if (g == 2) sqrt(V) else NaN)
        ))
      }
    }
  }
}
save(shares, "weighted_shares.csv")
save(tests, "weighted_tests.csv")
save(scores, "weighted_scores.csv")
save(score_tests, "weighted_score_tests.csv")
