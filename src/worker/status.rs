//! What the sender of an edXML packet is told of it, as status packets of the standard.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::{
    config,
    decode::{
        Refusal,
        edxml::status::{Code, StatusError, StatusPacket},
    },
    extract::PartialDate,
    packet::{Envelope, Organ},
};

/// Status packets for a packet: that it arrived, and that it was taken or why not. None for a status packet: answers are
/// not answered.
pub fn packets(
    settings: &config::Edxml,
    packet: &Envelope,
    refusal: Option<&Refusal>,
    arrived_at: SystemTime,
    answered_at: SystemTime,
) -> Result<Vec<(Code, String)>, StatusError> {
    if packet.status.is_some() {
        return Ok(Vec::new());
    }
    let from = answering(settings, packet);
    let reason = refusal.map(|refusal| format!("Từ chối tiếp nhận: {}", refusal.message_vi));
    let answer = match &reason {
        Some(reason) => (Code::Rejected, reason.as_str(), answered_at),
        None => (Code::Accepted, "Đã tiếp nhận", answered_at),
    };
    let write = |(code, description, at): (Code, &str, SystemTime)| {
        let staff = (!settings.department.is_empty()).then_some((settings.department.as_str(), ""));
        let packet = StatusPacket {
            from: &from,
            about: packet,
            code,
            description,
            time: time_in_viet_nam(at),
            staff,
        };
        packet.write().map(|written| (code, written))
    };
    [(Code::Arrived, "Đã đến", arrived_at), answer]
        .into_iter()
        .map(write)
        .collect()
}

/// The body that answers: that of the settings, else the first recipient with a code.
fn answering(settings: &config::Edxml, packet: &Envelope) -> Organ {
    if settings.organ_id.is_empty() {
        let recipient = packet.to.iter().find(|organ| !organ.unit().is_empty());
        return recipient.cloned().unwrap_or_default();
    }
    Organ {
        id: settings.organ_id.clone(),
        name: settings.organ_name.clone(),
        in_charge: String::new(),
    }
}

/// Year, month, day, hour, minute, second in Viet Nam, which keeps UTC+7 all year.
fn time_in_viet_nam(time: SystemTime) -> [u16; 6] {
    const VIET_NAM: Duration = Duration::from_secs(7 * 60 * 60);
    let day = PartialDate::in_viet_nam(time);
    let since = (time.duration_since(UNIX_EPOCH).unwrap_or_default() + VIET_NAM).as_secs();
    let part = |seconds: u64| u16::try_from(seconds).unwrap_or_default();
    let (hour, minute, second) = (since / 3600 % 24, since / 60 % 60, since % 60);
    [
        day.year,
        day.month.into(),
        day.day.into(),
        part(hour),
        part(minute),
        part(second),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{decode::RefusalReason, packet::Status};

    fn settings(organ_id: &str) -> config::Edxml {
        config::Edxml {
            status: true,
            organ_id: organ_id.into(),
            organ_name: "UBND tỉnh".into(),
            department: "Văn thư".into(),
        }
    }

    fn packet() -> Envelope {
        Envelope {
            from: Organ {
                id: "000.00.11.H53".into(),
                ..Organ::default()
            },
            to: vec![
                Organ::default(),
                Organ {
                    id: "H50".into(),
                    name: "Nơi nhận".into(),
                    in_charge: String::new(),
                },
            ],
            document_id: "000.00.11.H53,2024/03/25,318/BC-STNMT".into(),
            ..Envelope::default()
        }
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_packet_that_is_read_has_arrived_and_is_taken() {
        // 2024-03-25 18:05:09 UTC is the 26th in Viet Nam.
        let written = packets(&settings(""), &packet(), None, at(1_711_389_909), at(1_711_389_910)).expect("sound");
        let [(Code::Arrived, arrived), (Code::Accepted, taken)] = &written[..] else {
            panic!("{written:?}");
        };
        assert!(arrived.contains("<edXML:Timestamp>2024/03/26 01:05:09</"), "{arrived}");
        assert!(taken.contains("<edXML:Timestamp>2024/03/26 01:05:10</"), "{taken}");
        assert!(
            taken.contains("<edXML:OrganId>H50</") && taken.contains("<edXML:StatusCode>03</"),
            "{taken}"
        );
    }

    #[test]
    fn a_refused_one_is_told_why_by_the_body_of_the_settings() {
        let refusal = Refusal::new(RefusalReason::Malformed, "tệp hỏng", "broken");
        let written = packets(&settings("H41"), &packet(), Some(&refusal), at(0), at(1)).expect("sound");
        let (code, answer) = &written[1];
        assert_eq!(*code, Code::Rejected);
        for piece in [
            "<edXML:OrganId>H41</",
            "<edXML:OrganName>UBND tỉnh</",
            "<edXML:Department>Văn thư</",
            "Từ chối tiếp nhận: tệp hỏng",
        ] {
            assert!(answer.contains(piece), "{piece}: {answer}");
        }
    }

    #[test]
    fn answers_are_not_answered_and_who_is_unknown_cannot_be() {
        let mut status = packet();
        status.status = Some(Status::default());
        assert_eq!(packets(&settings(""), &status, None, at(0), at(0)), Ok(Vec::new()));
        let mut nobody = packet();
        nobody.to.clear();
        assert_eq!(
            packets(&settings(""), &nobody, None, at(0), at(0)),
            Err(StatusError::From)
        );
        let mut nameless = packet();
        nameless.document_id.clear();
        assert_eq!(
            packets(&settings(""), &nameless, None, at(0), at(0)),
            Err(StatusError::About)
        );
    }
}
