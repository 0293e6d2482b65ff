# Writes the reference numbers of strata with a single cluster, by every name that R has for their
# treatment:
#
#     Rscript tests/oracles/lonely.R
#
# Run with R 4.2.2 and survey 4.1.1. The tests of omistats read the CSV files and need no R. The
# cases of lonely_cases.csv are simulated here and describe nobody. Two of five strata have one
# cluster, and group "c" has answers in those two strata only.

suppressPackageStartupMessages(library(survey))

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
options(scipen = 20)
set.seed(20110418)
exact <- function(x) {
  out <- sprintf("%.17g", as.vector(x))
  ifelse(grepl("^(NA|NaN|Inf|-Inf)$", out), "", out)
}
save <- function(frame, name) {
  write.csv(frame, file.path(here, name), row.names = FALSE, quote = FALSE, na = "")
}

stratum <- rep(c("one", "two", "three", "four", "five"), c(30, 24, 20, 5, 6))
clusters <- c(one = 6, two = 5, three = 4, four = 1, five = 1)
team <- paste0(stratum, unlist(lapply(names(clusters), function(s) {
  rep_len(seq_len(clusters[s]), sum(stratum == s))
})))
rows <- length(stratum)
weight <- round(rgamma(rows, 3, 2), 3) + 0.25
group <- ifelse(stratum %in% c("four", "five") & runif(rows) < 0.5, "c",
                sample(c("a", "b"), rows, TRUE))
y <- rbinom(rows, 1, 0.6)
y[sample(rows, 8)] <- NA
# Of group "b" there is nobody in the strata of one cluster.
group[stratum %in% c("four", "five") & group == "b"] <- "a"
n <- rpois(rows, 4) + (stratum %in% c("four", "five"))
k <- rbinom(rows, n, 0.7)
cases <- data.frame(stratum, team, weight, group, y, k, n, synthetic = "simulated")
save(cases, "lonely_cases.csv")

found <- NULL
add <- function(lonely, what, ...) {
  found <<- rbind(found, data.frame(lonely, what, value = exact(c(...))))
}
for (lonely in c("fail", "remove", "certainty", "adjust", "average")) {
  options(survey.lonely.psu = lonely)
  full <- svydesign(ids = ~team, strata = ~stratum, weights = ~weight, data = cases)
  refused <- inherits(try(SE(svyratio(~k, ~n, full)), silent = TRUE), "try-error")
  add(lonely, "refused", as.numeric(refused))
  if (refused) next
  add(lonely, "ratio", SE(svyratio(~k, ~n, full)))
  answered <- subset(full, !is.na(y))
  for (g in c("a", "b", "c")) add(lonely, paste("se", g), SE(svymean(~y, subset(answered, group == g))))
  two <- subset(answered, group != "c")
  two <- update(two, group = factor(group))
  for (statistic in c("F", "Chisq", "Wald", "adjWald")) {
    add(lonely, statistic, svychisq(~group + y, two, statistic = statistic)$p.value)
  }
  means <- svyby(~y, ~group, two, svymean, covmat = TRUE)
  add(lonely, "se difference", SE(svycontrast(means, c(1, -1))))
}
save(found, "lonely.csv")
