/** Code points of strings: what positions and lengths of string functions count. */

const isBasic = (text: string): boolean => !/[\ud800-\udfff]/.test(text)

/** Number of code points. */
export const codePoints = (text: string): number => (isBasic(text) ? text.length : [...text].length)

/** Code points [start, end), counted from 0. */
export const slicePoints = (text: string, start: number, end: number): string =>
  isBasic(text)
    ? text.slice(Math.max(0, start), Math.max(0, end))
    : [...text].slice(Math.max(0, start), Math.max(0, end)).join('')

/** The UTF-16 unit at which a code point (counted from 0) begins; the length of the text for one behind its end. */
export const unitOfPoint = (text: string, point: number): number => slicePoints(text, 0, point).length
