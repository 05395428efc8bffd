/** Numbers as people read them. */

/** `999`, `12.3K`, `1.24M`. */
export function count(value) {
  const units = ['', 'K', 'M', 'B', 'T']
  let unit = 0
  let scaled = value
  while (scaled >= 999.5 && unit < units.length - 1) {
    scaled /= 1000
    unit++
  }
  return `${unit === 0 ? scaled : threeDigits(scaled)}${units[unit]}`
}

/** `12,345`. */
export const whole = value => value.toLocaleString('en-US')

/** `512 B`, `1.5 KB`, `20.0 MB`. */
export function bytes(value) {
  const units = ['B', 'KB', 'MB', 'GB', 'TB']
  let unit = 0
  let scaled = value
  while (scaled >= 1000 && unit < units.length - 1) {
    scaled /= 1024
    unit++
  }
  return `${unit === 0 ? scaled : threeDigits(scaled)} ${units[unit]}`
}

/** `3 ms`, `1.24 s`, `2 m 05 s`, `3 h 12 m`. */
export function duration(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${threeDigits(ms / 1000)} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${padded(seconds % 60)} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h ${padded(minutes % 60)} m`
  return `${Math.floor(minutes / (24 * 60))} d ${Math.floor((minutes / 60) % 24)} h`
}

/** `14:03:09` today, with its date on other days. */
export function clockTime(ms, nowMs = Date.now()) {
  const date = new Date(ms)
  const time = `${padded(date.getHours())}:${padded(date.getMinutes())}:${padded(date.getSeconds())}`
  if (date.toDateString() === new Date(nowMs).toDateString()) return time
  return `${date.getFullYear()}-${padded(date.getMonth() + 1)}-${padded(date.getDate())} ${time}`
}

export const plural = (number, noun) => `${number} ${noun}${number === 1 ? '' : 's'}`

/** `job-e3f05e27…` without its middle. */
export const shortId = id => (id.length <= 14 ? id : id.slice(0, 12))

const threeDigits = value => value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0)
const padded = value => String(value).padStart(2, '0')
