/** The most that started in any time of that length, wherever it begins. */
export const mostInWindow = (starts: ReadonlyArray<readonly [at: number, count: number]>, window: number): number => {
  let most = 0
  let sum = 0
  let first = 0
  for (const [at, count] of starts) {
    sum += count
    // A microsecond for sums of fractions.
    while ((starts[first]?.[0] ?? 0) <= at - window + 1e-3) sum -= starts[first++]?.[1] ?? 0
    most = Math.max(most, sum)
  }
  return most
}
