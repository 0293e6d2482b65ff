# Writes the reference numbers of several groups compared within units beside this script:
#
#     Rscript tests/oracles/weighted_cmh.R
#
# Run with R 4.2.2 (stats). The tests of omistats read the CSV file and need no R. The cases are
# those of weighted_cases.csv, which describe nobody.

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
exact <- function(x) sprintf("%.17g", as.vector(x))
cases <- read.csv(file.path(here, "weighted_cases.csv"), na.strings = "", colClasses = "character")
out <- NULL
for (by in c("gender", "supervision", "tier")) for (q in paste0("q", 0:3)) {
  group <- cases[[by]]
  group[group %in% "suspended"] <- NA
  table <- table(group, cases[[q]], cases$unit)
  r <- mantelhaen.test(table, correct = FALSE)
  corrected <- if (by == "tier") r else mantelhaen.test(table, correct = TRUE)
  out <- rbind(out, data.frame(
    breakdown = by, question = q, statistic = exact(r$statistic), df = exact(r$parameter),
    p_value = exact(r$p.value), corrected = exact(corrected$statistic),
    corrected_p = exact(corrected$p.value)
  ))
}
write.csv(out, file.path(here, "weighted_cmh.csv"), row.names = FALSE, quote = FALSE)
