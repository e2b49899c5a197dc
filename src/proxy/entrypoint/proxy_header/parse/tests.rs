use super::*;
use proptest::prelude::*;

fn header(length: usize, said: Said) -> Result<Found, Broken> {
    Ok(Found::Header { length, said })
}

fn client_at(text: &str) -> Said {
    Said::Client(text.parse().unwrap())
}

/// A header of version 2.
fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[command, family], &length, rest].concat()
}

const V4: [u8; 12] = [9, 8, 7, 6, 127, 0, 0, 1, 0x10, 0xE1, 0, 80];

#[test]
fn version_1_is_a_line() {
    let cases: [(&str, Result<Found, Broken>); 17] = [
        ("PROXY TCP4 9.8.7.6 127.0.0.1 4321 80\r\nGET", header(38, client_at("9.8.7.6:4321"))),
        ("PROXY TCP6 2001:db8::1 ::1 4321 80\r\n", header(36, client_at("[2001:db8::1]:4321"))),
        ("PROXY UNKNOWN\r\n", header(15, Said::Nothing)),
        ("PROXY UNKNOWN ffff::1 whatever\r\n", header(32, Said::Nothing)),
        ("", Ok(Found::Part { wanted: FIXED })),
        ("PRO", Ok(Found::Part { wanted: FIXED })),
        ("PROXY TCP4 9.8.7.6", Ok(Found::Part { wanted: LONGEST_LINE })),
        ("PROPFIND / HTTP/1.1", Ok(Found::None)),
        ("GET / HTTP/1.1", Ok(Found::None)),
        ("PROXY TCP4 9.8.7.6 127.0.0.1 4321\r\n", Err(Broken::Line)),
        ("PROXY TCP4 9.8.7.6 127.0.0.1 4321 80 1\r\n", Err(Broken::Line)),
        ("PROXY TCP4 9.8.7.6 127.0.0.1 4321 65536\r\n", Err(Broken::Line)),
        ("PROXY TCP4 9.8.7.6 127.0.0.1 +1 80\r\n", Err(Broken::Line)),
        ("PROXY TCP4 ::1 ::1 4321 80\r\n", Err(Broken::Line)),
        ("PROXY TCP6 9.8.7.6 127.0.0.1 4321 80\r\n", Err(Broken::Line)),
        ("PROXY TCP4 9.8.7.6 127.0.0.1 4321 80\n", Err(Broken::Line)),
        ("PROXY / HTTP/1.1\r\n", Err(Broken::Line)),
    ];
    for (given, want) in cases {
        assert_eq!(find(given.as_bytes()), want, "{given:?}");
    }
    let endless = format!("PROXY UNKNOWN {}", "x".repeat(200));
    assert_eq!(find(endless.as_bytes()), Err(Broken::Endless));
}

#[test]
fn version_2_is_binary() {
    let v6 = [[0x20; 16], [0x30; 16]].concat();
    let v6 = [&v6[..], &[0, 80, 0, 81]].concat();
    let unix = [0_u8; 216];
    let cases = [
        ("IPv4", binary(0x21, 0x11, &V4), header(28, client_at("9.8.7.6:4321"))),
        ("IPv6", binary(0x21, 0x21, &v6), header(52, client_at("[2020:2020:2020:2020:2020:2020:2020:2020]:80"))),
        ("datagrams", binary(0x21, 0x12, &V4), header(28, client_at("9.8.7.6:4321"))),
        ("a socket of the system", binary(0x21, 0x31, &unix), header(232, Said::Nothing)),
        ("no family", binary(0x21, 0x00, b"rest"), header(20, Said::Nothing)),
        ("a family that there is not", binary(0x21, 0x51, b"rest"), header(20, Said::Nothing)),
        ("the load balancer itself", binary(0x20, 0x11, &V4), header(28, Said::Nothing)),
        ("the same with nothing", binary(0x20, 0x00, &[]), header(16, Said::Nothing)),
        ("an unknown version", binary(0x31, 0x11, &V4), Err(Broken::Command)),
        ("an unknown command", binary(0x22, 0x11, &V4), Err(Broken::Command)),
        ("half an address", binary(0x21, 0x11, &V4[..11]), Err(Broken::Short)),
        ("half an IPv6 address", binary(0x21, 0x21, &v6[..35]), Err(Broken::Short)),
        ("half a socket", binary(0x21, 0x31, &unix[1..]), Err(Broken::Short)),
        ("too much", binary(0x21, 0x00, &[0; LONGEST]), Err(Broken::Long)),
        ("half an addition", binary(0x21, 0x11, &[&V4[..], &[4, 0, 9, 1]].concat()), Err(Broken::Additions)),
        ("the rest of an addition", binary(0x21, 0x11, &[&V4[..], &[4, 0]].concat()), Err(Broken::Additions)),
        ("an addition", binary(0x21, 0x11, &[&V4[..], &[4, 0, 1, 7]].concat()), header(32, client_at("9.8.7.6:4321"))),
    ];
    for (name, given, want) in cases {
        assert_eq!(find(&given), want, "{name}");
    }
}

#[test]
fn a_checksum_has_to_be_that_of_the_header() {
    // RFC 3720 B.4: the sum of 32 zeros.
    assert_eq!(crc32c([0; 32].into_iter()), 0x8A91_36AA);
    let mut given = binary(0x21, 0x11, &[&V4[..], &[CRC32C, 0, 4, 0, 0, 0, 0], &[4, 0, 0]].concat());
    let sum = crc32c(given.iter().copied()).to_be_bytes();
    given[31..35].copy_from_slice(&sum);
    assert_eq!(find(&given), header(38, client_at("9.8.7.6:4321")));
    given[16] ^= 1;
    assert_eq!(find(&given), Err(Broken::Checksum));
    let short = binary(0x21, 0x11, &[&V4[..], &[CRC32C, 0, 3, 0, 0, 0]].concat());
    assert_eq!(find(&short), Err(Broken::Additions));
}

proptest! {
    /// However it is torn: the beginning of a header is never taken for something else, and each look asks for more.
    #[test]
    fn a_torn_header_is_waited_for(whole in prop_oneof![
        Just(b"PROXY TCP4 9.8.7.6 127.0.0.1 4321 80\r\n".to_vec()),
        Just(binary(0x21, 0x11, &V4)),
        Just(binary(0x20, 0x00, b"local")),
    ], at in 0usize..64) {
        let at = at % whole.len();
        match find(&whole[..at]) {
            Ok(Found::Part { wanted }) => prop_assert!(wanted > at && wanted <= LONGEST),
            other => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn no_bytes_make_it_panic_or_read_beyond_them(start in prop_oneof![
        Just(Vec::new()), Just(TEXT.to_vec()), Just(b"PROXY TCP4 ".to_vec()), Just(SIGNATURE.to_vec()),
        Just([SIGNATURE, &[0x21, 0x11, 0]].concat()),
    ], rest in proptest::collection::vec(any::<u8>(), 0..200)) {
        let bytes = [start, rest].concat();
        match find(&bytes) {
            Ok(Found::Header { length, .. }) => prop_assert!(length <= bytes.len()),
            Ok(Found::Part { wanted }) => prop_assert!(wanted > bytes.len() && wanted <= LONGEST),
            Ok(Found::None) | Err(_) => {}
        }
    }
}
