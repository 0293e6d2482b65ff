# Writes the reference numbers of ratio estimates from clustered samples beside this script:
#
#     Rscript tests/oracles/survey.R
#
# Run with R 4.2.2 and survey 4.1.1. The tests of omistats read the CSV files and need no R. The
# cases of survey_cases.csv are simulated here and describe nobody.

suppressPackageStartupMessages(library(survey))

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
options(scipen = 20)
set.seed(20110302)
exact <- function(x) sprintf("%.17g", x)
save <- function(frame, name) {
  write.csv(frame, file.path(here, name), row.names = FALSE, quote = FALSE)
}

# Cases in teams in units. In `lonely_unit` the last unit is a single case of a team of its own.
rows <- 96
unit <- sort(sample(c("north", "south", "east", "west"), rows, replace = TRUE, prob = 4:1))
team <- paste0(unit, sample(1:5, rows, replace = TRUE))
n <- rbinom(rows, 9, 0.75)
n[c(7, 41)] <- 0
k <- rbinom(rows, n, plogis(rnorm(rows, 0.7, 0.9)))
lonely_unit <- unit
lonely_unit[rows] <- "alone"
lonely_team <- team
lonely_team[rows] <- "alone1"
cases <- data.frame(
  case_id = sprintf("c%03d", seq_len(rows)), team, unit, lonely_team, lonely_unit,
  group = sample(c("a", "b", "c"), rows, replace = TRUE, prob = c(5, 3, 2)), k, n,
  weight = round(rgamma(rows, 3, 2), 3) + 0.25, synthetic = "simulated"
)
cases$weight[c(3, 50)] <- 0
counted <- function(cluster, stratum) {
  drawn <- tapply(cluster, stratum, function(x) length(unique(x)))
  as.vector(round(drawn[stratum] * c(3, 2, 1.5)[1 + nchar(stratum) %% 3]))
}
cases$population_case_id_unit <- counted(cases$case_id, unit)
cases$population_team_unit <- counted(team, unit)
cases$population_case_id_lonely_unit <- counted(cases$case_id, lonely_unit)
cases$population_lonely_team_lonely_unit <- counted(lonely_team, lonely_unit)
cases$population_case_id_none <- 400
cases$population_team_none <- 25
save(cases, "survey_cases.csv")

design_of <- function(cluster, stratum, weighted, corrected) {
  arguments <- list(ids = as.formula(paste0("~", cluster)), data = cases)
  arguments$weights <- if (weighted) ~weight else rep(1, rows)
  if (stratum != "none") arguments$strata <- as.formula(paste0("~", stratum))
  if (corrected) {
    arguments$fpc <- as.formula(paste("~population", cluster, stratum, sep = "_"))
  }
  do.call(svydesign, arguments)
}

layouts <- rbind(
  expand.grid(cluster = c("case_id", "team"), stratum = c("none", "unit"), lonely = "fail"),
  expand.grid(cluster = c("case_id", "lonely_team"), stratum = "lonely_unit",
              lonely = c("remove", "adjust"))
)
layouts <- merge(layouts, expand.grid(weighted = c(FALSE, TRUE), corrected = c(FALSE, TRUE)))
layouts[] <- lapply(layouts, function(x) if (is.factor(x)) as.character(x) else x)

ratios <- covariances <- NULL
for (i in seq_len(nrow(layouts))) {
  layout <- layouts[i, ]
  options(survey.lonely.psu = layout$lonely)
  full <- with(layout, design_of(cluster, stratum, weighted, corrected))
  for (domain in c("all", "a", "b", "c", "north")) {
    part <- switch(domain, all = full, north = subset(full, unit == "north"),
                   subset(full, group == domain))
    r <- svyratio(~k, ~n, part)
    p <- as.vector(coef(r))
    logit <- svycontrast(svytotal(~k + n, part), quote(log(k / (n - k))))
    ends <- function(df) as.vector(confint(r, df = df))
    odds <- function(df, level = 0.9) plogis(as.vector(confint(logit, df = df, level = level)))
    ratios <- rbind(ratios, data.frame(
      layout, domain, estimate = exact(p), se = exact(as.vector(SE(r))),
      low = exact(ends(Inf)[1]), high = exact(ends(Inf)[2]),
      design_df = degf(full), domain_df = degf(part),
      t_low = exact(ends(degf(full))[1]), t_high = exact(ends(degf(full))[2]),
      logit_low = exact(odds(Inf)[1]), logit_high = exact(odds(Inf)[2]),
      logit_t_low = exact(odds(degf(full))[1]), logit_t_high = exact(odds(degf(full))[2])
    ))
  }
  by <- svyby(~k, ~group, full, svyratio, denominator = ~n, covmat = TRUE)
  v <- vcov(by)
  two <- svycontrast(by, c(1, -1, 0))
  C <- rbind(c(-1, 1, 0), c(-1, 0, 1))
  d <- C %*% coef(by)
  W <- drop(t(d) %*% solve(C %*% v %*% t(C), d))
  df <- degf(full)
  covariances <- rbind(covariances, data.frame(
    layout, aa = exact(v[1, 1]), ab = exact(v[1, 2]), ac = exact(v[1, 3]), bb = exact(v[2, 2]),
    bc = exact(v[2, 3]), cc = exact(v[3, 3]),
    difference = exact(as.vector(coef(two))), difference_se = exact(as.vector(SE(two))),
    difference_low = exact(confint(two)[1]), difference_high = exact(confint(two)[2]),
    difference_t_p = exact(2 * pt(-abs(as.vector(coef(two)) / as.vector(SE(two))), df)),
    wald = exact(W), wald_p = exact(pchisq(W, 2, lower.tail = FALSE)),
    f_p = exact(pf(W / 2, 2, df, lower.tail = FALSE)), design_df = df
  ))
}
save(ratios, "survey_ratios.csv")
save(covariances, "survey_groups.csv")

# A published data set: California schools in a sample of 15 of 757 districts. The shipped cases
# are simulated; these are real.
data(api)
api <- NULL
for (corrected in c(FALSE, TRUE)) {
  design <- svydesign(id = ~dnum, weights = ~pw, data = apiclus1, fpc = if (corrected) ~fpc)
  r <- svyratio(~api.stu, ~enroll, design)
  api <- rbind(api, data.frame(corrected, estimate = exact(coef(r)), se = exact(SE(r)),
    low = exact(confint(r, df = degf(design))[1]), high = exact(confint(r, df = degf(design))[2]),
    df = degf(design)))
}
save(api, "survey_apiclus1.csv")
schools <- apiclus1[c("dnum", "pw", "fpc", "api.stu", "enroll")]
schools$pw <- exact(schools$pw)
save(schools, "survey_apiclus1_schools.csv")

# A stratum with one cluster that is all of its population is no estimate: even "fail" lets it be.
options(survey.lonely.psu = "fail")
cases$census <- ifelse(cases$lonely_unit == "alone", 1, 500)
r <- svyratio(~k, ~n, svydesign(~case_id, strata = ~lonely_unit, fpc = ~census, data = cases,
                                weights = rep(1, rows)))
save(data.frame(estimate = exact(coef(r)), se = exact(SE(r))), "survey_census.csv")
