# The same reports in data.table, as its experienced users would write them: one grouped sum a
# breakdown over all questions, Pearson's chi-square of whole vectors. It waits for lines on
# its input: "run" makes the reports, "write FILE" saves the last ones, an empty line ends it.
suppressPackageStartupMessages(library(data.table))
options(warn = 2)
arguments <- commandArgs(TRUE)
by_unit <- arguments[2] == "unit"
cases <- fread(arguments[1], na.strings = "", colClasses = list(character = "unit"))
not_questions <- c("unit", "supervision_type", "gender", "ethnicity", "disability", "age_group",
                   "risk_of_harm")
questions <- setdiff(names(cases), not_questions)
pairs <- list(supervision_type = c("community order", "licence"), gender = c("male", "female"),
              ethnicity = c("white", "BME"), disability = c("yes", "no"),
              age_group = c("17-24", "25+"))
subset <- "risk_of_harm"

counts <- function(keys) {
  k <- cases[, lapply(.SD, sum, na.rm = TRUE), keyby = keys, .SDcols = questions]
  n <- cases[, lapply(.SD, function(x) sum(!is.na(x))), keyby = keys, .SDcols = questions]
  long <- melt(k, id.vars = keys, measure.vars = questions, variable.name = "question",
               value.name = "k", variable.factor = TRUE)
  long[, n := melt(n, id.vars = keys, measure.vars = questions)$value]
  long
}

one <- function(breakdown, groups) {
  of_unit <- if (by_unit) "unit" else character()
  found <- counts(c(of_unit, breakdown))
  setnames(found, breakdown, "group")
  if (by_unit) {
    total <- found[, .(unit = "all", k = sum(k), n = sum(n)), by = .(group, question)]
    found <- rbind(found, total, use.names = TRUE)
  } else {
    found[, unit := "all"]
  }
  if (breakdown == subset) {
    everyone <- if (by_unit) counts("unit") else counts_all()
    if (by_unit) {
      total <- everyone[, .(unit = "all", k = sum(k), n = sum(n)), by = question]
      everyone <- rbind(everyone, total, use.names = TRUE)
    }
    everyone[, group := "all"]
    found <- rbind(found[group == "high"], everyone, use.names = TRUE)
  }
  first <- found[group == groups[1]]
  second <- found[group == groups[2]]
  both <- merge(first, second, by = c("unit", "question"), suffixes = c("", "_2"))
  both[, breakdown := breakdown]
  both[, `:=`(rest_k = k_2 - (breakdown == subset) * k, rest_n = n_2 - (breakdown == subset) * n)]
  both[, statistic := (n + rest_n) * (k * (rest_n - rest_k) - rest_k * (n - k))^2 /
         (as.numeric(n) * rest_n * (k + rest_k) * (n + rest_n - k - rest_k))]
  both[, p_value := pchisq(statistic, 1, lower.tail = FALSE)]
  names <- c("unit", "breakdown", "question", "group", "k", "n", "p_value")
  other <- both[, .(unit, breakdown, question, group = group_2, k = k_2, n = n_2, p_value)]
  rbind(both[, names, with = FALSE], other)
}

counts_all <- function() {
  k <- vapply(cases[, questions, with = FALSE], sum, numeric(1), na.rm = TRUE)
  n <- vapply(cases[, questions, with = FALSE], function(x) sum(!is.na(x)), numeric(1))
  data.table(unit = "all", question = factor(questions, questions), k = k, n = n)
}

report <- function() {
  parts <- c(lapply(names(pairs), function(b) one(b, pairs[[b]])),
             list(one(subset, c("high", "all"))))
  found <- rbindlist(parts)
  found[, percent := 100 * k / n]
  found
}

input <- file("stdin", "r")
cat("ready\n")
flush(stdout())
while (length(line <- readLines(input, 1)) && nzchar(line)) {
  if (line == "run") found <- report() else fwrite(found, substring(line, 7), na = "")
  cat("done\n")
  flush(stdout())
}
