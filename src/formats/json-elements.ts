/** Cuts a JSON file into the texts of its values: one a line, or the elements of one array. */
import { isUtf8 } from 'node:buffer'
import { readText } from '../arrow/memory.js'
import { fail } from '../common/errors.js'
import type { ByteSource, ByteWindow } from './byte-source.js'

/** The text of one value that should be an object. */
export interface JsonElement {
  readonly text: string
  /** Byte in the file. */
  readonly position: number
  /** Otherwise characters of the text are made up. */
  readonly isUtf8: boolean
}

const LF = 10
const SPACES = new Set([9, 10, 13, 32])
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf]
const [QUOTE, BACKSLASH, COMMA, OPEN_ARRAY, CLOSE_ARRAY, OPEN, CLOSE] = Buffer.from('"\\,[]{}')

/** Whether the file is one array: its first character is `[`. */
export async function isArrayFile(source: ByteSource): Promise<boolean> {
  const head = new Uint8Array(4096)
  const byteCount = await source.read(head)
  const first = head.subarray(0, byteCount).find(byte => !SPACES.has(byte) && !BYTE_ORDER_MARK.includes(byte))
  return first === OPEN_ARRAY
}

/**
 * The lines that start in [start, end), without blank ones. Takes over the window, which is empty and starts at byte
 * `start` - 1 (0 for 0).
 */
export async function* linesOf(
  window: ByteWindow,
  { start, end }: { readonly start: number; readonly end: number },
): AsyncGenerator<JsonElement, void> {
  try {
    await window.fill()
    if (start === 0) window.skipByteOrderMark()
    let isSkipping = start > 0
    for (;;) {
      const found = window.indexOf(LF, window.start)
      if (found < 0 && !window.atEnd) {
        await window.fill()
        continue
      }
      const lineEnd = found < 0 ? window.end : found
      if (!isSkipping && window.position(window.start) >= end) return
      const element = isSkipping ? undefined : elementOf(window, window.start, lineEnd)
      if (element !== undefined && element.text.trim() !== '') yield element
      isSkipping = false
      if (found < 0) return
      window.start = found + 1
    }
  } finally {
    await window.close()
  }
}

/**
 * The elements of the array that the file is; what they are is not looked at. Takes over the window, which is empty. Throws
 * FILE_INVALID for an array that does not end, or is not the last in the file.
 */
export async function* elementsOf(window: ByteWindow, path: string): AsyncGenerator<JsonElement, void> {
  try {
    await window.fill()
    window.skipByteOrderMark()
    window.start = skipSpace(window, window.start) + 1
    for (let isFirst = true; ;) {
      const start = skipSpace(window, window.start)
      const end = start < window.end ? elementEnd(window, start) : window.end
      const separator = skipSpace(window, end)
      if (separator >= window.end) {
        if (window.atEnd) throw fail('FILE_INVALID', [path, 'the array of objects is not closed'])
        await window.fill()
        continue
      }
      const byte = window.bytes[separator]
      const isEmpty = byte === CLOSE_ARRAY && isFirst && start === end
      if (!isEmpty) yield elementOf(window, start, end)
      window.start = separator + 1
      if (byte === CLOSE_ARRAY) return await expectEnd(window, path)
      isFirst = false
    }
  } finally {
    await window.close()
  }
}

/** Throws FILE_INVALID unless only space is left. */
async function expectEnd(window: ByteWindow, path: string): Promise<void> {
  for (;;) {
    window.start = skipSpace(window, window.start)
    if (window.start < window.end) throw fail('FILE_INVALID', [path, 'something follows the array of objects'])
    if (window.atEnd) return
    await window.fill()
  }
}

function elementOf(window: ByteWindow, start: number, end: number): JsonElement {
  const text = readText(window.block + start, end - start)
  // The character that stands for bytes that are none may also have been written.
  const isText = !text.includes('\ufffd') || isUtf8(window.bytes.subarray(start, end))
  return { text, position: window.position(start), isUtf8: isText }
}

function skipSpace(window: ByteWindow, from: number): number {
  let at = from
  while (at < window.end && SPACES.has(window.bytes[at])) at++
  return at
}

/** Where the element that starts at `start` ends: before the comma or bracket outside of its own brackets and strings. */
function elementEnd(window: ByteWindow, start: number): number {
  let depth = 0
  let isText = false
  for (let at = start; at < window.end; at++) {
    const byte = window.bytes[at]
    if (isText) {
      if (byte === BACKSLASH) at++
      else if (byte === QUOTE) isText = false
    } else if (byte === QUOTE) isText = true
    else if (byte === OPEN || byte === OPEN_ARRAY) depth++
    else if (depth === 0 && (byte === COMMA || byte === CLOSE_ARRAY)) return trimmed(window, start, at)
    else if (byte === CLOSE || byte === CLOSE_ARRAY) depth--
  }
  return window.end
}

function trimmed(window: ByteWindow, start: number, end: number): number {
  let at = end
  while (at > start && SPACES.has(window.bytes[at - 1])) at--
  return at
}
