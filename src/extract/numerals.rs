//! Numerals in Vietnamese notation: '.' groups thousands, ',' is the decimal point.
