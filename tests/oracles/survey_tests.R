# Writes the reference numbers of tests between groups of a survey beside this script:
#
#     Rscript tests/oracles/survey_tests.R
#
# Run with R 4.2.2 and survey 4.1.1. The tests of omistats read the CSV files and need no R. The
# cases of survey_tests_cases.csv are simulated here and describe nobody.

suppressPackageStartupMessages(library(survey))

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
options(scipen = 20)
set.seed(19840301)
exact <- function(x) sprintf("%.17g", x)
save <- function(frame, name) {
  write.csv(frame, file.path(here, name), row.names = FALSE, quote = FALSE, na = "")
}

# Cases in teams in units; in `lonely_unit` the last unit is one case of a team of its own.
rows <- 150
unit <- sort(sample(c("north", "south", "east", "west"), rows, replace = TRUE, prob = 4:1))
team <- paste0(unit, sample(1:6, rows, replace = TRUE))
of_team <- rnorm(24)[as.integer(factor(team))]
answer <- function(level, applicable) {
  y <- rbinom(rows, 1, plogis(level + of_team + rnorm(rows) / 2))
  ifelse(runif(rows) < applicable, y, NA)
}
lonely_unit <- unit
lonely_unit[rows] <- "alone"
lonely_team <- team
lonely_team[rows] <- "alone1"
cases <- data.frame(
  case_id = sprintf("c%03d", seq_len(rows)), team, unit, lonely_team, lonely_unit,
  two = sample(c("a", "b", NA), rows, replace = TRUE, prob = c(5, 4, 1)),
  three = sample(c("a", "b", "c"), rows, replace = TRUE, prob = c(5, 3, 2)),
  four = sample(c("a", "b", "c", "d", NA), rows, replace = TRUE, prob = c(4, 3, 2, 2, 1)),
  usual = answer(0.7, 1), seldom = answer(0.2, 0.6), high = answer(2.5, 0.9),
  weight = round(rgamma(rows, 3, 2), 3) + 0.25, synthetic = "simulated"
)
# A question that every case of one group answers alike: a cell is empty.
cases$empty <- ifelse(cases$three == "c", 1, cases$usual)
cases$empty[cases$four %in% "d"] <- 0
cases$empty[cases$four %in% "d" & cases$three == "c"] <- NA
counted <- function(cluster, stratum) {
  drawn <- tapply(cluster, stratum, function(x) length(unique(x)))
  as.vector(round(drawn[stratum] * c(3, 2, 1.5)[1 + nchar(stratum) %% 3]))
}
cases$population_case_id_unit <- counted(cases$case_id, unit)
cases$population_team_unit <- counted(team, unit)
cases$population_case_id_lonely_unit <- counted(cases$case_id, lonely_unit)
cases$population_lonely_team_lonely_unit <- counted(lonely_team, lonely_unit)
cases$population_case_id_none <- 600
cases$population_team_none <- 40
save(cases, "survey_tests_cases.csv")

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

# The table of a group and a question is of the cases that have both. Given all cases R would
# scale its chi-square to them and count them towards its degrees of freedom.
tests <- shares <- NULL
for (i in seq_len(nrow(layouts))) {
  layout <- layouts[i, ]
  options(survey.lonely.psu = layout$lonely)
  full <- with(layout, design_of(cluster, stratum, weighted, corrected))
  for (domain in c("all", "north")) {
    part <- if (domain == "all") full else subset(full, unit == "north")
    for (group in c("two", "three", "four")) for (y in c("usual", "seldom", "high", "empty")) {
      by <- svyby(as.formula(paste0("~", y)), as.formula(paste0("~", group)), part, svymean,
                  na.rm = TRUE)
      shares <- rbind(shares, data.frame(layout, domain, group, y, label = by[[group]],
                                         estimate = exact(by[[y]]), se = exact(SE(by))))
      table <- subset(part, !is.na(eval(as.name(group))) & !is.na(eval(as.name(y))))
      line <- data.frame(layout, domain, group, y, rows = nrow(table))
      for (statistic in c("F", "Chisq", "Wald", "adjWald")) {
        r <- tryCatch(svychisq(as.formula(paste0("~", group, "+", y)), table,
                               statistic = statistic), error = function(e) NULL)
        if (is.null(r)) r <- list(statistic = NaN, parameter = c(NaN, NaN), p.value = NaN)
        line[[statistic]] <- exact(as.vector(r$statistic))
        line[[paste0(statistic, "_df")]] <- exact(r$parameter[1])
        if (statistic != "Chisq") line[[paste0(statistic, "_df2")]] <- exact(r$parameter[2])
        line[[paste0(statistic, "_p")]] <- exact(as.vector(r$p.value))
      }
      tests <- rbind(tests, line)
    }
  }
}
save(tests, "survey_tests.csv")
save(shares, "survey_tests_shares.csv")

# A published data set: California schools in a sample of 15 of 757 districts. These are real.
data(api)
api <- NULL
for (corrected in c(FALSE, TRUE)) {
  design <- svydesign(id = ~dnum, weights = ~pw, data = apiclus1, fpc = if (corrected) ~fpc)
  for (statistic in c("F", "Chisq", "Wald", "adjWald")) {
    r <- svychisq(~sch.wide + stype, design, statistic = statistic)
    api <- rbind(api, data.frame(corrected, statistic, value = exact(r$statistic),
      df = exact(r$parameter[1]), df2 = exact(r$parameter[2]), p_value = exact(r$p.value)))
  }
}
save(api, "survey_tests_apiclus1.csv")
schools <- apiclus1[c("dnum", "pw", "fpc", "sch.wide", "stype")]
schools$pw <- exact(schools$pw)
save(schools, "survey_tests_apiclus1_schools.csv")

# Tails of F, as logarithms where they are too small for a number.
tails <- expand.grid(x = c(1e-6, 0.1, 1, 3, 20, 100, 400, 1500, 1e4), df = c(1, 1.4946, 2, 4.7),
                     df2 = c(0.8, 5, 21.3, 140, 2178, 30000))
tails$log_p <- exact(with(tails, pf(x, df, df2, lower.tail = FALSE, log.p = TRUE)))
save(tails, "pf_tail.csv")
