/** Workbooks as bytes, from the XML of their cells: a ZIP whose parts are stored. */
import { crc32, deflateRawSync } from "node:zlib"

export interface SheetXml {
  readonly name: string
  /** `<row>` elements. */
  readonly rows: string
  readonly hidden?: boolean
}

/** The bytes of an archive of these parts. */
export const zip = (parts: ReadonlyArray<readonly [name: string, content: string]>, deflated = false): Uint8Array => {
  const files: Array<Buffer> = []
  const directory: Array<Buffer> = []
  let at = 0
  for (const [name, content] of parts) {
    const [path, plain] = [Buffer.from(name), Buffer.from(content)]
    const data = deflated ? deflateRawSync(plain) : plain
    const common = Buffer.alloc(26)
    common.writeUInt16LE(20, 0)
    common.writeUInt16LE(deflated ? 8 : 0, 4)
    common.writeUInt32LE(crc32(plain), 10)
    common.writeUInt32LE(data.length, 14)
    common.writeUInt32LE(plain.length, 18)
    common.writeUInt16LE(path.length, 22)
    const tail = Buffer.alloc(14)
    tail.writeUInt32LE(at, 10)
    files.push(Buffer.from("PK\x03\x04"), common, path, data)
    directory.push(Buffer.from("PK\x01\x02\x14\0"), common, tail, path)
    at += 30 + path.length + data.length
  }
  const entries = Buffer.concat(directory)
  const end = Buffer.alloc(18)
  end.writeUInt16LE(parts.length, 4)
  end.writeUInt16LE(parts.length, 6)
  end.writeUInt32LE(entries.length, 8)
  end.writeUInt32LE(at, 12)
  return new Uint8Array(Buffer.concat([...files, entries, Buffer.from("PK\x05\x06"), end]))
}

const schemas = "http://schemas.openxmlformats.org"
const main = `xmlns="${schemas}/spreadsheetml/2006/main"`
const office = `${schemas}/officeDocument/2006/relationships`

const relations = (all: ReadonlyArray<readonly [id: string, type: string, target: string]>): string =>
  `<Relationships xmlns="${schemas}/package/2006/relationships">${all
    .map(([id, type, target]) => `<Relationship Id="${id}" Type="${office}/${type}" Target="${target}"/>`)
    .join("")}</Relationships>`

/** Which style a cell has: the index in `s`. */
export const style = { general: 0, day: 1, dayTime: 2, currency: 3, percent: 4, time: 5, named: 6, text: 7, zeros: 8 }

const formats = [
  0,
  14,
  "dd/mm/yyyy\\ hh:mm:ss",
  '"$"#,##0.00;[Red]\\-"$"#,##0.00',
  9,
  20,
  "[$-409]d\\-mmm\\-yy;@",
  49,
  "0000000000"
]

const escape = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;")

const styles = `<styleSheet ${main}><numFmts>${formats
  .map((format, index) =>
    typeof format === "string" ? `<numFmt numFmtId="${164 + index}" formatCode="${escape(format)}"/>` : ""
  )
  .join("")}</numFmts><cellXfs>${formats
  .map((format, index) => `<xf numFmtId="${typeof format === "string" ? 164 + index : format}"/>`)
  .join("")}</cellXfs></styleSheet>`

/** A workbook of these sheets, with the strings that their cells share. */
export const workbook = (
  sheets: ReadonlyArray<SheetXml>,
  options: {
    readonly shared?: ReadonlyArray<string>
    readonly date1904?: boolean
    readonly deflated?: boolean
  } = {}
): Uint8Array =>
  zip(
    [
      ["[Content_Types].xml", `<Types xmlns="${schemas}/package/2006/content-types"/>`],
      ["_rels/.rels", relations([["rId1", "officeDocument", "xl/workbook.xml"]])],
      [
        "xl/workbook.xml",
        `<workbook ${main} xmlns:r="${office}"><workbookPr${options.date1904 === true ? ' date1904="1"' : ""}/><sheets>${sheets
          .map(
            ({ hidden, name }, index) =>
              `<sheet name="${escape(name)}" sheetId="${index + 1}" r:id="rId${index + 1}"${hidden === true ? ' state="hidden"' : ""}/>`
          )
          .join("")}</sheets></workbook>`
      ],
      [
        "xl/_rels/workbook.xml.rels",
        relations([
          ...sheets.map((_, index) => [`rId${index + 1}`, "worksheet", `worksheets/sheet${index + 1}.xml`] as const),
          ["rIdStyles", "styles", "styles.xml"],
          ["rIdStrings", "sharedStrings", "sharedStrings.xml"]
        ])
      ],
      ...sheets.map(
        ({ rows }, index) =>
          [
            `xl/worksheets/sheet${index + 1}.xml`,
            `<worksheet ${main}><sheetData>${rows}</sheetData></worksheet>`
          ] as const
      ),
      ["xl/styles.xml", styles],
      [
        "xl/sharedStrings.xml",
        `<sst ${main}>${(options.shared ?? []).map((text) => `<si>${text}</si>`).join("")}</sst>`
      ]
    ],
    options.deflated
  )

/** A text that stands in its cell. */
export const text = (value: string): string =>
  `<c t="inlineStr"><is><t xml:space="preserve">${escape(value)}</t></is></c>`

/** A number. */
export const number = (value: string | number, styled = style.general): string => `<c s="${styled}"><v>${value}</v></c>`

/** Rows of cells, the first of them of this number. */
export const rows = (all: ReadonlyArray<ReadonlyArray<string>>, first = 1): string =>
  all.map((cells, index) => `<row r="${first + index}">${cells.join("")}</row>`).join("")
