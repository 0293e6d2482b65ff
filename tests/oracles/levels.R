# Tests of graded answers: chisq.test, prop.trend.test, and sums of squares of the mean score.
# R 4.2 (stats). Run from the root: Rscript tests/oracles/levels.R > tests/oracles/levels.csv
set.seed(16)
cat("table,group,level,count,x2,df,p,trend,trend_p\n")
shapes <- list(c(2, 4), c(2, 3), c(3, 4), c(5, 4), c(2, 2), c(4, 3), c(3, 2))
for (i in seq_along(shapes)) {
  r <- shapes[[i]][1]
  c <- shapes[[i]][2]
  x <- matrix(rpois(r * c, 20 + 10 * (row(matrix(0, r, c)) == 1)) + 5, r, c)
  found <- chisq.test(x, correct = FALSE)
  score <- rep(rep(1:c, each = r), as.vector(x))
  group <- factor(rep(rep(1:r, times = c), as.vector(x)))
  squares <- anova(lm(score ~ group))[["Sum Sq"]]
  trend <- sum(x) * squares[1] / sum(squares)
  if (r == 2) {
    armitage <- prop.trend.test(x[1, ], colSums(x))
    stopifnot(abs(armitage$statistic - trend) < 1e-9)
  }
  p <- pchisq(trend, r - 1, lower.tail = FALSE)
  for (g in 1:r) for (l in 1:c) {
    cat(sprintf("%d,%d,%d,%d,%.15g,%d,%.15g,%.15g,%.15g\n", i, g, l, x[g, l],
                found$statistic, found$parameter, found$p.value, trend, p))
  }
}
