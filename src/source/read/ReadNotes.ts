/** What one reading of a source has to tell, while it is read. */
import type { SourceNote } from "../../sync/record/SourceNote.ts"

// So many lines are told of each.
const first = 5

interface Some {
  records: number
  readonly lines: Array<number>
}

const add = (some: Some, line: number | undefined): void => {
  some.records++
  if (line !== undefined && some.lines.length < first) some.lines.push(line)
}

/** A note of the other kinds is made up of what is noted here. */
export class ReadNotes {
  private readAs: ReadonlyArray<{ readonly field: string; readonly name: string }> = []
  private readonly headers: Some = { records: 0, lines: [] }
  private readonly short: Some = { records: 0, lines: [] }
  private below: number | undefined
  private readonly spoiled = new Map<string, Some & { readonly field: string; readonly check: string }>()

  /** These columns were taken for these fields. */
  renamed(columns: ReadonlyArray<{ readonly field: string; readonly name: string }>): void {
    this.readAs = columns
  }

  repeatedHeader(line: number): void {
    add(this.headers, line)
  }

  shortRow(line: number): void {
    add(this.short, line)
  }

  /** Something stands below the blank line that ends the table. */
  belowTable(line: number): void {
    this.below = line
  }

  suspicious(field: string, check: string, line: number | undefined): void {
    const key = `${check} ${field}`
    const some = this.spoiled.get(key) ?? { field, check, records: 0, lines: [] }
    this.spoiled.set(key, some)
    add(some, line)
  }

  list(): ReadonlyArray<SourceNote> {
    return [
      ...this.readAs.map(({ field, name }) => ({ _tag: "ReadAs", field, name }) as const),
      ...(this.headers.records === 0 ? [] : [{ _tag: "HeaderRepeated", ...this.headers } as const]),
      ...(this.short.records === 0 ? [] : [{ _tag: "ShortRows", ...this.short } as const]),
      ...(this.below === undefined ? [] : [{ _tag: "BelowTable", line: this.below } as const]),
      ...[...this.spoiled.values()].map((some) => ({ _tag: "Suspicious", ...some }) as const)
    ]
  }
}
