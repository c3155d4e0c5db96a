"""ZIP archives: what comes in is read and checked, what goes out is laid out.

Pure: bytes come from a `source.Source`, plans go to whoever carries them out. The format is PKWARE's
APPNOTE 6.3.10 (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT); section numbers in this
package are its.
"""
