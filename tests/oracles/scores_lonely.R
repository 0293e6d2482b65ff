# Writes the reference numbers of scores whose units of one case are treated by every name that R
# has for it:
#
#     Rscript tests/oracles/scores_lonely.R
#
# Run with R 4.2.2 and survey 4.1.1. The tests of omistats read the CSV file and need no R. The
# cases are those of scores_cases.csv, which are simulated, but of "isle" and "coast" only the
# first of each; the weights are made up.

suppressPackageStartupMessages(library(survey))

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
options(scipen = 20)
exact <- function(x) ifelse(is.na(x), "", sprintf("%.17g", as.vector(x)))
text <- function(name) {
  read.csv(file.path(here, name), na.strings = "", colClasses = "character", check.names = FALSE)
}
cases <- text("scores_cases.csv")
feeds <- text("scores_feeds.csv")
lone <- cases$unit %in% c("isle", "coast")
cases <- cases[!lone | !duplicated(cases$unit), ]
rows <- nrow(cases)

found <- NULL
for (lonely in c("fail", "remove", "certainty", "adjust", "average")) {
  options(survey.lonely.psu = lonely)
  for (rule in c("pooled", "cases")) for (item in c("1", "2.2", "safety")) {
    answers <- as.matrix(as.data.frame(lapply(cases[feeds$question[feeds$item == item]], as.numeric)))
    n <- rowSums(!is.na(answers))
    k <- rowSums(answers, na.rm = TRUE)
    data <- data.frame(case_id = cases$case_id, unit = cases$unit, k = k, n = n)
    if (rule == "cases") {
      data$k <- ifelse(n > 0, k / pmax(n, 1), 0)
      data$n <- 1 * (n > 0)
    }
    data$one <- 1
    data$weight <- 1 + seq_len(rows) %% 3
    groups <- list(
      all = rep(TRUE, rows), f = cases$gender %in% "f", m = cases$gender %in% "m",
      `rest of north` = cases$unit != "north"
    )
    for (weights in c("one", "weight")) for (group in names(groups)) {
      full <- svydesign(~case_id, strata = ~unit, weights = reformulate(weights), data = data)
      part <- subset(full, groups[[group]] & n > 0)
      se <- try(SE(svyratio(~k, ~n, part)), silent = TRUE)
      value <- if (inherits(se, "try-error")) "refused" else exact(100 * se)
      found <- rbind(found, data.frame(lonely, rule, item, weights, group, se = value))
    }
  }
}
write.csv(found, file.path(here, "scores_lonely.csv"), row.names = FALSE, quote = FALSE, na = "")
