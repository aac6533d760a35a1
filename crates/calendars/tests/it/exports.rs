//! The shapes in which calendars come from the programs that write them. In: such calendars. Out: their shifts.

use super::{calendar, read, shown};

/// Google Calendar: a zone, a weekly rule with an end in UTC, an exception, a moved recurrence, a cancelled one.
#[test]
fn a_calendar_of_google() {
    let text = "BEGIN:VCALENDAR\r\nPRODID:-//Google Inc//Google Calendar 70.9054//EN\r\nVERSION:2.0\r\n\
        CALSCALE:GREGORIAN\r\nMETHOD:PUBLISH\r\nX-WR-CALNAME:On call\r\nX-WR-TIMEZONE:Europe/Berlin\r\n\
        BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\nX-LIC-LOCATION:Europe/Berlin\r\nBEGIN:DAYLIGHT\r\n\
        TZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nTZNAME:GMT+2\r\nDTSTART:19700329T020000\r\n\
        RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\nEND:DAYLIGHT\r\nBEGIN:STANDARD\r\nTZOFFSETFROM:+0200\r\n\
        TZOFFSETTO:+0100\r\nTZNAME:GMT+1\r\nDTSTART:19701025T030000\r\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\n\
        END:STANDARD\r\nEND:VTIMEZONE\r\n\
        BEGIN:VEVENT\r\nDTSTART;TZID=Europe/Berlin:20260316T090000\r\nDTEND;TZID=Europe/Berlin:20260323T090000\r\n\
        RRULE:FREQ=WEEKLY;WKST=MO;UNTIL=20260413T065959Z;BYDAY=MO\r\nEXDATE;TZID=Europe/Berlin:20260406T090000\r\n\
        DTSTAMP:20260301T120000Z\r\nUID:7kukuqrfedlm2f9t0v@google.com\r\n\
        ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;CN=Ada\r\n \
        Long;X-NUM-GUESTS=0:mailto:ada@example.com\r\nATTENDEE;PARTSTAT=DECLINED:mailto:ben@example.com\r\n\
        DESCRIPTION:Call\\, then write\\nDone\r\nSEQUENCE:1\r\nSTATUS:CONFIRMED\r\nSUMMARY:On call\\; platform\r\n\
        TRANSP:TRANSPARENT\r\nBEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-P0DT0H30M0S\r\nEND:VALARM\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nDTSTART;TZID=Europe/Berlin:20260323T120000\r\nDTEND;TZID=Europe/Berlin:20260330T090000\r\n\
        UID:7kukuqrfedlm2f9t0v@google.com\r\nRECURRENCE-ID;TZID=Europe/Berlin:20260323T090000\r\nSEQUENCE:2\r\n\
        SUMMARY:On call\\; platform (late)\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nUID:7kukuqrfedlm2f9t0v@google.com\r\nRECURRENCE-ID;TZID=Europe/Berlin:20260330T090000\r\n\
        STATUS:CANCELLED\r\nSUMMARY:On call\\; platform\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    assert_eq!(
        shown(text),
        [
            "2026-03-16T08:00:00Z 2026-03-23T08:00:00Z On call; platform",
            // Berlin springs forward on the 29th.
            "2026-03-23T11:00:00Z 2026-03-30T07:00:00Z On call; platform (late)",
        ]
    );
    assert_eq!(read(text).unwrap().occurrences[0].attendees, ["ada@example.com"]);
}

/// Outlook: names of Windows, defined by rules of the year 1601; days without a zone.
#[test]
fn a_calendar_of_outlook() {
    let text = "\u{feff}BEGIN:VCALENDAR\r\nMETHOD:PUBLISH\r\nPRODID:Microsoft Exchange Server 2010\r\nVERSION:2.0\r\n\
        X-WR-CALNAME:Calendar\r\nBEGIN:VTIMEZONE\r\nTZID:W. Europe Standard Time\r\nBEGIN:STANDARD\r\n\
        DTSTART:16010101T030000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\n\
        RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10\r\nEND:STANDARD\r\nBEGIN:DAYLIGHT\r\n\
        DTSTART:16010101T020000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\n\
        RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\n\
        BEGIN:VTIMEZONE\r\nTZID:India Standard Time\r\nBEGIN:STANDARD\r\nDTSTART:16010101T000000\r\n\
        TZOFFSETFROM:+0530\r\nTZOFFSETTO:+0530\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n\
        BEGIN:VEVENT\r\nUID:040000008200E00074C5B7101A82E008\r\nSUMMARY:Ada\r\n\
        RRULE:FREQ=DAILY;UNTIL=20261026T080000Z;INTERVAL=1\r\n\
        DTSTART;TZID=W. Europe Standard Time:20261024T090000\r\nDTEND;TZID=W. Europe Standard Time:20261024T170000\r\n\
        X-MICROSOFT-CDO-BUSYSTATUS:BUSY\r\nCLASS:PUBLIC\r\nTRANSP:OPAQUE\r\nSTATUS:CONFIRMED\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nUID:2\r\nSUMMARY:Ben\r\nDTSTART;TZID=\"India Standard Time\":20260701T090000\r\n\
        DTEND;TZID=\"India Standard Time\":20260701T170000\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nUID:3\r\nSUMMARY:Eve\r\nDTSTART;VALUE=DATE:20261024\r\nDTEND;VALUE=DATE:20261026\r\n\
        END:VEVENT\r\nEND:VCALENDAR\r\n";
    assert_eq!(
        shown(text),
        [
            "2026-07-01T03:30:00Z 2026-07-01T11:30:00Z Ben",
            // Two days of Berlin, of which the second has 25 hours.
            "2026-10-23T22:00:00Z 2026-10-25T23:00:00Z Eve",
            "2026-10-24T07:00:00Z 2026-10-24T15:00:00Z Ada",
            "2026-10-25T08:00:00Z 2026-10-25T16:00:00Z Ada",
            "2026-10-26T08:00:00Z 2026-10-26T16:00:00Z Ada",
        ]
    );
}

/// PagerDuty, Opsgenie and Grafana OnCall: an event for each shift, in UTC.
#[test]
fn calendars_of_tools_for_on_call() {
    let pagerduty = "BEGIN:VCALENDAR\r\nCALSCALE:GREGORIAN\r\nX-WR-CALNAME:On Call Schedule\r\nMETHOD:PUBLISH\r\n\
        PRODID:-//PagerDuty//NONSGML iCalendar//EN\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\n\
        DTEND;VALUE=DATE-TIME:20260112T090000Z\r\nDTSTART;VALUE=DATE-TIME:20260105T090000Z\r\n\
        ATTENDEE:ada@example.com\r\nSUMMARY:On Call - Ada Long - Platform\r\n\
        UID:P1ABCDE2026-01-05T09:00:00Z\r\nURL;VALUE=URI:https://example.pagerduty.com/schedules#P1ABCDE\r\nEND:VEVENT\r\n\
        END:VCALENDAR\r\n";
    assert_eq!(shown(pagerduty), ["2026-01-05T09:00:00Z 2026-01-12T09:00:00Z On Call - Ada Long - Platform"]);
    assert_eq!(read(pagerduty).unwrap().occurrences[0].attendees, ["ada@example.com"]);
    let opsgenie = "BEGIN:VCALENDAR\nPRODID:-//OpsGenie//iCal4j 1.0//EN\nVERSION:2.0\nCALSCALE:GREGORIAN\n\
        BEGIN:VEVENT\nDTSTAMP:20260101T000000Z\nDTSTART:20260105T080000Z\nDURATION:P7D\n\
        SUMMARY:Platform_schedule:ada@example.com\nUID:d8e3\nEND:VEVENT\nEND:VCALENDAR";
    assert_eq!(
        shown(opsgenie),
        ["2026-01-05T08:00:00Z 2026-01-12T08:00:00Z Platform_schedule:ada@example.com"]
    );
    let grafana = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Grafana Labs//Grafana On-Call//\nCALSCALE:GREGORIAN\n\
        X-WR-CALNAME:Platform\nREFRESH-INTERVAL;VALUE=DURATION:PT1H\nBEGIN:VEVENT\nSUMMARY:[L1] ada\n\
        DTSTART;VALUE=DATE-TIME:20260105T080000Z\nDTEND;VALUE=DATE-TIME:20260106T080000Z\n\
        DTSTAMP;VALUE=DATE-TIME:20260101T000000Z\nUID:oncall-4\n 2-O1-1\nRRULE:FREQ=DAILY;COUNT=2;WKST=SU\n\
        LAST-MODIFIED:20260101T000000Z\nEND:VEVENT\nEND:VCALENDAR\n";
    assert_eq!(
        shown(grafana),
        [
            "2026-01-05T08:00:00Z 2026-01-06T08:00:00Z [L1] ada",
            "2026-01-06T08:00:00Z 2026-01-07T08:00:00Z [L1] ada"
        ]
    );
    assert_eq!(read(grafana).unwrap().occurrences[0].uid, "oncall-42-O1-1");
}

/// Of the revisions of an event the last counts, and what was called off takes place no more.
#[test]
fn an_event_that_was_moved_or_called_off_is_not_where_it_was() {
    let revision = |start: &str, lines: &str| {
        format!("BEGIN:VEVENT\nUID:1\nSUMMARY:Ada\nDTSTART:{start}\nDURATION:PT1H\n{lines}END:VEVENT\n")
    };
    let first = revision("20260105T090000Z", "");
    let moved = revision("20260105T120000Z", "SEQUENCE:2\n");
    let off = revision("20260105T120000Z", "SEQUENCE:3\nSTATUS:CANCELLED\n");
    let at_noon = ["2026-01-05T12:00:00Z 2026-01-05T13:00:00Z Ada"];
    assert_eq!(shown(&calendar(&(first.clone() + &moved))), at_noon);
    assert_eq!(shown(&calendar(&(moved.clone() + &first))), at_noon, "in any order");
    assert_eq!(shown(&calendar(&(first.clone() + &moved + &off))), [""; 0]);
    // Tools that give several events one name say nothing of revisions.
    let other = revision("20260106T090000Z", "");
    assert_eq!(shown(&calendar(&(first.clone() + &other))).len(), 2);
    let cancels = calendar(&first).replace("VERSION:2.0", "VERSION:2.0\nMETHOD:CANCEL");
    assert_eq!(shown(&cancels), [""; 0]);
}
