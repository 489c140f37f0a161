/**
 * Rows to JSON, from bytes to bytes: the host of the program in `assembly/`, which does the work. Its memory holds a window
 * of the source, and the JSON of the rows that it took there.
 */
import * as CopiedText from "../../json/CopiedText.ts"
import type { Encoded } from "../../sync/record/Encode.ts"
import type { JsonBlocks } from "../../sync/record/JsonBlocks.ts"
import * as FilePlace from "../read/FilePlace.ts"
import * as RowProgram from "./RowProgram.ts"
import * as TranscodedRecord from "./TranscodedRecord.ts"

const LF = 10

const KiB = 1024
const pageSize = 64 * KiB

/** Bytes of a number in the program's memory. */
export const wordSize = 4

// Rows that are taken together, and bytes of a window and of its JSON: a row that needs more is one for the schema.
const maxRows = 2048
const windowSize = 272 * KiB
const jsonSize = 256 * KiB
// Bytes that the program may read, or write, behind what it is given.
const spill = 8

// Where the words of `Run` are in the program's memory, and which one is which.
const runAt = 4 * KiB
const tableAt = 5 * KiB
const NEXT = 0
const LAST = 1
const OUT = 2
const MOST = 3
const MOST_ROWS = 4
const LONGEST = 5
const MARKS = 6
const KEYS = 7
const ROWS = 8
const LINES = 9
const OUT_END = 10
const KEYS_END = 11
const STOPS_AT_BLANK = 12
const runSize = 13

// How the program ends, if not at the last line feed.
const FULL = 1
const STUCK = 2

const encoder = new TextEncoder()

/** What the program is told of the rows of one source. */
export interface Table {
  readonly format: RowProgram.Format
  /** Numbers, and texts as the addresses of their UTF-8, given its own address: words of 32 bits. */
  readonly words: (address: number) => ReadonlyArray<number | string>
  /** By column, which of its texts are copied. */
  readonly copied: ReadonlyArray<CopiedText.CopiedText | undefined>
  /** Whether a line that has nothing in it is left to the schema's reader, instead of being passed over. */
  readonly stopsAtBlank: boolean
  /** Bytes that the JSON of a row takes besides the row's own, at most. */
  readonly overhead: number
}

/** Which texts of a column are copied, as a word of a table. */
export const textWord = (copied: CopiedText.CopiedText | undefined): number =>
  copied === undefined ? 0 : copied === CopiedText.always ? 1 : 2

/** Which numbers of a column are copied, as a word of a table. */
export const numberWord = (copied: CopiedText.CopiedText | undefined): number =>
  copied === undefined ? 0 : copied === CopiedText.always ? 3 : 4

/** The words, and behind them the texts that they point to. */
const laid = (table: Table): Uint8Array => {
  const words = table.words(tableAt)
  const texts = words.map((word) => encoder.encode(typeof word === "string" ? word : ""))
  const bytes = new Uint8Array(texts.reduce((sum, { length }) => sum + length + spill, words.length * wordSize))
  const view = new DataView(bytes.buffer)
  let at = words.length * wordSize
  for (const [index, word] of words.entries()) {
    view.setUint32(index * wordSize, typeof word === "number" ? word : tableAt + at, true)
    const text = texts[index] ?? bytes
    bytes.set(text, at)
    at += text.length + spill
  }
  return bytes
}

const aligned = (address: number): number => Math.ceil(address / spill) * spill

export interface Options<A> {
  /** UTF-16 code units of the largest row. */
  readonly maxRecordSize: number
  /** Where the JSON goes. */
  readonly blocks: JsonBlocks
  /** The patch out of a record's JSON. */
  readonly decode: (json: unknown) => A
  /** Where reading began, in which source. */
  readonly from: FilePlace.FilePosition | undefined
}

/**
 * Reads rows out of bytes, from one place to the next. A row ends in LF or CRLF; one that has nothing before that is no
 * record.
 */
export interface Transcoder<A> {
  /** 0-based offset of the next record. */
  readonly offset: number
  /** 1-based line of the next row. */
  readonly line: number
  /** Whether the last call of `take` ended at a row that only the schema can read; if not, at one that is cut, or too long. */
  readonly stuck: boolean
  /** Says which record comes next, and on which line. */
  readonly goOn: (offset: number, line: number) => void
  /**
   * Takes whole rows from the index `from` of bytes whose first has the offset `base`, and returns the index of the
   * first row that it did not take.
   */
  readonly take: (bytes: Uint8Array, from: number, base: number, records: Array<Encoded<A>>) => number
}

/** A transcoder for the rows that a table tells of; `undefined` where WebAssembly may not be used. */
export const make = <A>(
  { blocks, decode, from: start, maxRecordSize }: Options<A>,
  table: Table
): Transcoder<A> | undefined => {
  const { copied, format, overhead, stopsAtBlank } = table
  const words = laid(table)
  const marks = aligned(tableAt + words.length)
  const keys = marks + maxRows * TranscodedRecord.marksOfOne * wordSize
  const input = keys + windowSize
  const out = input + windowSize + spill
  const size = out + jsonSize + windowSize + overhead + spill

  const program = RowProgram.make(
    format,
    Math.ceil(size / pageSize),
    (column, from, size) => copied[column]?.(memory, from, from + size) === true
  )
  if (program === undefined) return undefined
  const memory = new Uint8Array(program.memory.buffer)
  const run = new Int32Array(program.memory.buffer, runAt, runSize)
  memory.set(words, tableAt)
  run[MARKS] = marks
  run[KEYS] = keys
  run[OUT] = out
  run[STOPS_AT_BLANK] = Number(stopsAtBlank)
  run[LONGEST] = Math.min(maxRecordSize, windowSize)

  let offset = 0
  let line = 1
  let stuck = false
  const word = (index: number): number => run[index] ?? 0

  /** Takes rows of the window, up to its last line feed, and returns how many bytes they have. */
  const takeWindow = (last: number, position: FilePlace.FilePosition, records: Array<Encoded<A>>): number => {
    run[NEXT] = input
    run[LAST] = input + last
    for (;;) {
      run[MOST] = Math.max(0, Math.min(blocks.bytesLeft, jsonSize))
      run[MOST_ROWS] = Math.min(blocks.textsLeft, maxRows)
      const ending = program.take(runAt, tableAt)
      const rows = word(ROWS)
      if (rows > 0) {
        const from = blocks.keepAll(memory.subarray(out, word(OUT_END)), rows)
        const taken = new TranscodedRecord.Rows({
          block: blocks.block,
          from,
          marks: new Int32Array(memory.buffer, marks, rows * TranscodedRecord.marksOfOne).slice(),
          keys: memory.slice(keys, word(KEYS_END)),
          firstLine: line,
          position,
          decode
        })
        for (let row = 0; row < rows; row++) {
          records.push(new TranscodedRecord.TranscodedRecord(offset++, taken, row))
        }
      }
      line += word(LINES)
      // What does not fit opens the next block; what does not fit there either is one for the schema.
      stuck = ending === STUCK || (ending === FULL && rows === 0 && blocks.isEmpty)
      if (stuck || ending !== FULL) return word(NEXT) - input
      if (rows === 0) blocks.close()
    }
  }

  return {
    get offset() {
      return offset
    },
    get line() {
      return line
    },
    get stuck() {
      return stuck
    },
    goOn: (nextOffset, nextLine) => {
      offset = nextOffset
      line = nextLine
    },
    take: (bytes, from, base, records) => {
      const position = FilePlace.at(start, base + from, offset, line)
      let row = from
      stuck = false
      while (!stuck) {
        const window = bytes.subarray(row, row + windowSize)
        const last = window.lastIndexOf(LF)
        if (last === -1) break
        memory.set(window, input)
        memory.fill(0, input + last + 1, input + last + 1 + spill)
        row += takeWindow(last, position, records)
      }
      return row
    }
  }
}
