# Writes reference numbers of units against the rest beside this script, computed by R's survey
# package from the made-up cases of scores.R:
#
#     Rscript tests/oracles/weaknesses.R
#
# Run with R 4.2.2 and survey 4.1.1. The unit and the rest are two domains of the whole design:
# svyratio on each by svyby with their covariance, and svycontrast of the two. The tests of omistats
# read the CSV file and need no R. All cases are synthetic.

suppressPackageStartupMessages(library(survey))

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
options(scipen = 20, survey.lonely.psu = "fail")
exact <- function(x) ifelse(is.na(as.vector(x)), "", sprintf("%.15g", as.vector(x)))

text <- function(file) {
  read.csv(
    file.path(here, file), na.strings = "", colClasses = "character", check.names = FALSE
  )
}
cases <- text("scores_cases.csv")
feeds <- text("scores_feeds.csv")
number <- as.integer(substring(cases$case_id, 2))
# How cases might have been drawn: made up from their numbers, as the tests make it up again.
cases$weight <- 1 + number %% 4
cases$pair <- paste0(cases$unit, number %% 7)
cases$ward <- paste0("w", number %% 11)
caseload <- c(north = 60, south = 28, east = 110, west = 45, coast = 1000, isle = 3)
cases$caseload <- unname(caseload[cases$unit])
cases$one <- 1

designs <- list(
  plain = list(rule = "pooled", make = function(d) {
    svydesign(~case_id, strata = ~unit, weights = ~one, data = d)
  }),
  caseloads = list(rule = "pooled", make = function(d) {
    svydesign(~case_id, strata = ~unit, weights = ~one, fpc = ~caseload, data = d)
  }),
  cases = list(rule = "cases", make = function(d) {
    svydesign(~case_id, strata = ~unit, weights = ~one, data = d)
  }),
  weights = list(rule = "pooled", make = function(d) {
    svydesign(~case_id, strata = ~unit, weights = ~weight, data = d)
  }),
  pairs = list(rule = "pooled", make = function(d) {
    svydesign(~pair, strata = ~unit, weights = ~weight, data = d)
  }),
  # Clusters that reach across units: the two sides are not independent.
  wards = list(rule = "pooled", make = function(d) svydesign(~ward, weights = ~weight, data = d))
)

out <- NULL
for (name in names(designs)) {
  for (item in unique(feeds$item)) {
    k <- as.matrix(as.data.frame(lapply(cases[feeds$question[feeds$item == item]], as.numeric)))
    cases$n <- rowSums(!is.na(k))
    cases$k <- rowSums(k, na.rm = TRUE)
    if (designs[[name]]$rule == "cases") {
      cases$k <- ifelse(cases$n > 0, cases$k / pmax(cases$n, 1), 0)
      cases$n <- 1 * (cases$n > 0)
    }
    # The rest as all others, and as two named ones.
    for (others in list(names(caseload), c("south", "east"))) {
      for (unit in names(caseload)) {
        rest <- setdiff(others, unit)
        cases$side <- ifelse(
          cases$unit == unit, "own", ifelse(cases$unit %in% rest, "rest", "neither")
        )
        part <- subset(designs[[name]]$make(cases), side != "neither")
        by <- svyby(~k, ~side, part, svyratio, denominator = ~n, covmat = TRUE)
        found <- svycontrast(by, list(gap = c(own = 1, rest = -1)))
        d <- as.vector(coef(found))
        se <- as.vector(SE(found))
        df <- degf(part)
        out <- rbind(out, data.frame(
          design = name, others = if (length(others) == 2) "named" else "all", unit, item,
          percent = exact(100 * coef(by)["own"]), rest_percent = exact(100 * coef(by)["rest"]),
          difference = exact(100 * d), se = exact(100 * se),
          low = exact(100 * (d - qnorm(0.975) * se)), high = exact(100 * (d + qnorm(0.975) * se)),
          p = exact(if (se > 0) 2 * pnorm(-abs(d) / se) else NA), df = df,
          t_p = exact(if (se > 0) 2 * pt(-abs(d) / se, df) else NA)
        ))
      }
    }
  }
}
# Holm's adjustment over the criteria of each unit.
out$holm <- ""
criteria <- grepl(".", out$item, fixed = TRUE)
for (group in split(which(criteria), out[criteria, c("design", "others", "unit")], drop = TRUE)) {
  out$holm[group] <- exact(p.adjust(as.numeric(out$p[group]), "holm"))
}
write.csv(out, file.path(here, "weaknesses.csv"), row.names = FALSE, quote = FALSE, na = "")
