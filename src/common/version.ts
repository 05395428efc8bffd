/** Version of this software; package.json's. */
export const VERSION = '0.1.0'
