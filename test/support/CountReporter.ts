import type { Reporter, TestModule } from "vitest/node"

/** Ends the run in one plain line that counts tests, after everything else that vitest prints. */
export class CountReporter implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>, unhandled: ReadonlyArray<unknown>): void {
    const counts = { passed: 0, failed: unhandled.length, skipped: 0, pending: 0 }
    for (const module of modules) {
      const before = counts.failed
      for (const test of module.children.allTests()) counts[test.result().state]++
      // A file that could not be loaded has no tests of its own and has failed all the same.
      if (!module.ok() && counts.failed === before) counts.failed++
    }
    const skipped = counts.skipped === 0 ? "" : `, ${counts.skipped} skipped`
    process.once("exit", () => process.stdout.write(`${counts.passed} passed, ${counts.failed} failed${skipped}\n`))
  }
}
