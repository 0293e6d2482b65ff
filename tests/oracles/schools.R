# Writes the population of Californian schools of R's survey package beside this script:
#
#     Rscript tests/oracles/schools.R
#
# Run with R 4.2.2 and survey 4.1.1 (GPL-2 or GPL-3), data(api), the data frame apipop: the 6,194
# schools with at least 100 students, of the Academic Performance Index 2000, published by the
# California Department of Education. Kept are the district, the type of school (elementary, high,
# middle) and four answers: met the school-wide growth target, met the comparable-improvement
# target, met both, eligible for awards. Rows are counted: schools of one district, type and
# answers are one row.

suppressPackageStartupMessages(library(survey))

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
data(api)
names <- c("dnum", "stype", "sch.wide", "comp.imp", "both", "awards")
kept <- apipop[, names]
for (name in names[3:6]) kept[[name]] <- as.integer(kept[[name]] == "Yes")
counted <- aggregate(list(schools = rep(1L, nrow(kept))), kept, sum)
counted <- counted[do.call(order, counted), ]
write.csv(counted, file.path(here, "schools.csv"), row.names = FALSE, quote = FALSE)
